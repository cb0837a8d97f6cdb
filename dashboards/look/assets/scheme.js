// Tells the server which colour scheme the page has, so that figures are drawn in it.
(function () {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  let known = null;

  // Mantine writes the scheme here: the reader's choice, or else the system's.
  function scheme() {
    known = root.dataset.mantineColorScheme || (system.matches ? "dark" : "light");
    return known;
  }

  new MutationObserver(function () {
    const opened = known !== null;
    if (opened && root.dataset.mantineColorScheme !== known) {
      window.dash_clientside.set_props("scheme", { data: scheme() });
    }
  }).observe(root, { attributeFilter: ["data-mantine-color-scheme"] });

  window.dash_clientside = Object.assign({}, window.dash_clientside, { tidemark: { scheme } });
})();
