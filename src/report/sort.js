document.querySelectorAll("table.sortable th").forEach(function (th) {
  th.title = "sort";
  th.addEventListener("click", function () {
    var column = th.cellIndex, body = th.closest("table").tBodies[0];
    var down = th.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    var rows = Array.from(body.rows).map(function (row) {
      var cell = row.cells[column], key = cell.dataset.key;
      return { row: row, key: key === undefined ? cell.textContent : Number(key) };
    });
    rows.sort(function (a, b) {
      if (typeof a.key !== typeof b.key) { return typeof a.key === "number" ? -1 : 1; }
      if (typeof a.key === "number") { return down * (a.key - b.key); }
      return down * a.key.localeCompare(b.key, undefined, { numeric: true });
    });
    rows.forEach(function (r) { body.appendChild(r.row); });
    Array.from(th.parentNode.cells).forEach(function (c) { c.removeAttribute("aria-sort"); });
    th.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
  });
});
