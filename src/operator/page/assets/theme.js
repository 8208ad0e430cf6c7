// Before anything is drawn: the theme that was chosen here, if any, and that scripts run.
(() => {
  const root = document.documentElement;
  root.classList.add("scripts");
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* a browser that keeps nothing */ }
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
})();
