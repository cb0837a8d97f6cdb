// How a table draws the cells that are more than text, and which columns it leaves out when narrow.
(function () {
  const NARROW_PX = 480;
  const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  const made = (name, properties, ...children) =>
    React.createElement(window.dash_mantine_components[name], properties, ...children);

  cells.Badge = function ({ data, column }) {
    const { text, tone } = data[column.getColId()];
    return made("Badge", { color: `var(--${tone})` }, text);
  };

  // The percent beside it says the same to who cannot see the bar.
  cells.Bar = function ({ data, column }) {
    const { value, text, colour } = data[column.getColId()];
    const bar = made("Progress", { value: 100 * value, color: `var(--${colour})`, size: 6, w: 44, "aria-hidden": "true" });
    return React.createElement("span", { className: "bar" }, bar, text);
  };

  functions.leaveOutRoomyColumns = function ({ api }) {
    const { left, right } = api.getHorizontalPixelRange();
    const visible = right - left >= NARROW_PX;
    const roomy = api.getColumns().filter((column) => column.getColDef().context?.roomy);
    const changed = roomy.filter((column) => column.isVisible() !== visible);
    if (changed.length) api.setColumnsVisible(changed, visible);
  };
})();
