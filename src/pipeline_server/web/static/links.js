// Links of the form <address>/#/runs/details/<id>, as Elyra and the SDK print them.
(() => {
  const base = document.currentScript.dataset.base;
  const parts = location.hash.replace(/^#\/?/, "").split("?")[0].split("/").map(encodeURIComponent);
  const [area, second, third] = parts;
  const places = {
    runs: second === "details" && third ? `/runs/${third}` : "/runs",
    pipelines: second === "details" && third ? `/pipelines/${third}` : "/pipelines",
    experiments: second === "details" && third ? `/runs?experiment=${third}` : "/experiments",
    recurringrun: second === "details" && third ? `/recurring-runs/${third}` : "/recurring-runs",
    recurringruns: "/recurring-runs",
    archive: "/runs?archived=1",
  };
  if (location.hash.startsWith("#/") && Object.hasOwn(places, area)) {
    location.replace(base + places[area]);
  }
})();
