// The page works without this file. It adds the theme's switch, local times, the keyboard, a question before a change, and the chart.
(() => {
  "use strict";
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const root = document.documentElement;

  // Theme.
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const redraw = new Set();
  const turn = () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it lasts for this view */ }
    redraw.forEach((draw) => draw());
  };
  all("[data-theme-toggle]").forEach((button) => button.addEventListener("click", turn));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw.forEach((draw) => draw()));

  // On a phone the bar is longer than the window.
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

  // Local times beside UTC, when pointed at.
  const local = (time) => {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.title = `${at.toLocaleString()} here, ${time.dateTime} in UTC`;
  };
  document.addEventListener("pointerover", (event) => {
    const time = event.target instanceof Element ? event.target.closest("time[datetime]") : null;
    if (time) local(time);
  });

  // A change is asked for once more.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    if (form.dataset.ask && !confirm(form.dataset.ask)) { event.preventDefault(); return; }
    if (form.method === "get") all("input, select", form).forEach((field) => { if (field.value === "") field.disabled = true; });
  });
  // Coming back to a form finds its fields as they were.
  addEventListener("pageshow", () => all("form input:disabled, form select:disabled").forEach((field) => { field.disabled = false; }));

  // Keyboard.
  const help = document.getElementById("help");
  all("[data-help-open]").forEach((button) => button.addEventListener("click", () => help.showModal()));
  let afterG = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target instanceof Element && event.target.closest("input, select, textarea, [contenteditable]")) return;
    const went = afterG;
    afterG = false;
    if (went) {
      const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    const act = {
      "/": () => (document.querySelector("[data-search]") ?? document.getElementById("find"))?.focus(),
      "?": () => help.showModal(),
      g: () => { afterG = true; },
      t: turn,
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // Revenue per day.
  const chart = (place) => {
    const { days, series } = JSON.parse(place.dataset.chart);
    const at = days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
    let plot = null;
    // Within the place's padding, 10 pixels at each side.
    const room = () => Math.max(240, place.clientWidth - 20);
    const draw = () => {
      plot?.destroy();
      const style = getComputedStyle(root);
      const colour = (name) => style.getPropertyValue(name).trim();
      const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
      const bars = (align) => uPlot.paths.bars({ size: [0.38, 22], align, gap: 1 });
      plot = new uPlot({
        width: room(),
        height: 190,
        padding: [12, 8, 0, 0],
        tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "Etc/UTC"),
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { x: { range: (_, low, high) => [low - 43200, high + 43200] }, y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.1 : 1] } },
        axes: [{ ...axis, values: (_, ticks) => ticks.map((s) => new Date(s * 1000).toISOString().slice(5, 10)), space: 60 }, { ...axis, size: 54 }],
        series: [
          { label: "Day", value: (_, s) => (s == null ? "—" : new Date(s * 1000).toISOString().slice(0, 10)) },
          ...series.map((line, index) => ({
            label: line.name,
            fill: colour(index === 0 ? "--first" : "--second"),
            stroke: colour(index === 0 ? "--first" : "--second"),
            width: 0,
            paths: bars(index === 0 ? -1 : 1),
            points: { show: false },
            value: (_, __, which, at) => (at == null ? "—" : line.values[at]),
          })),
        ],
      }, [at, ...series.map((line) => line.values.map(Number))], place);
    };
    draw();
    redraw.add(draw);
    let width = place.clientWidth;
    new ResizeObserver(() => { if (place.clientWidth !== width) { width = place.clientWidth; plot.setSize({ width: room(), height: 190 }); } }).observe(place);
  };
  if (typeof uPlot !== "undefined") all("[data-chart]").forEach(chart);
})();
