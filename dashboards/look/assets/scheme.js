// Which colour scheme the reader's system asks for; the figures are drawn in it.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  tidemark: {
    scheme: function () {
      const scheme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      const known = window.tidemarkScheme === scheme;
      window.tidemarkScheme = scheme;
      return known ? window.dash_clientside.no_update : scheme;
    },
  },
});
