"use strict";
// Sort a table by the column whose head is clicked; numbers by size, the rest by letters.
function sorted(table, column, down) {
  const key = (row) => row.cells[column].textContent.trim();
  const rows = [...table.tBodies[0].rows];
  const numbers = rows.some((row) => /^[-+−]?\d/.test(key(row)));
  const size = (row) => {
    const number = parseFloat(key(row).replace("−", "-").replaceAll(",", ""));
    return Number.isNaN(number) ? -Infinity : number;
  };
  rows.sort((a, b) => (numbers ? size(a) - size(b) : key(a).localeCompare(key(b))) * (down ? -1 : 1));
  table.tBodies[0].append(...rows);
}
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sorted(table, column, down);
    });
  });
}
// Show only the rows that have all the words that are looked for.
for (const section of document.querySelectorAll("section")) {
  const tables = [...section.querySelectorAll("table.sortable")];
  if (!tables.length) continue;
  const box = document.createElement("div");
  box.className = "filter";
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "model, group, modality";
  label.append("Show rows with ", input);
  box.append(label);
  tables[0].parentElement.before(box);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of tables.flatMap((table) => [...table.tBodies[0].rows])) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}
// Wrong clips by emotion and by model.
for (const clips of document.querySelectorAll(".clips")) {
  const chosen = [...clips.previousElementSibling.querySelectorAll("select")];
  clips.previousElementSibling.hidden = false;
  const show = () => {
    for (const clip of clips.children) {
      clip.hidden = !chosen.every(
        (select) => !select.value || clip.dataset[select.name].split(" ").includes(select.value));
    }
  };
  for (const select of chosen) select.addEventListener("change", show);
}
// A link to what is folded opens it.
function reveal() {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!place) return;
  const folded = place.matches("details") ? place : place.querySelector(":scope > details");
  if (folded) folded.open = true;
  place.scrollIntoView();
}
addEventListener("hashchange", reveal);
if (location.hash) reveal();
