"use strict";
// Without this script the page shows the same; with it readers can sort tables and point at numbers.

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function addThemeSwitch() {
  const root = document.documentElement;
  const isDark = () => getComputedStyle(root).colorScheme === "dark"
    || (root.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
  const button = element("button", { type: "button", className: "theme" });
  const label = () => { button.textContent = isDark() ? "Light colors" : "Dark colors"; };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("vitreport-theme", root.dataset.theme); } catch { /* it holds for this visit */ }
    label();
  });
  label();
  document.querySelector("header").append(button);
}

// The number that a cell shows, else its text; null where there is neither.
function sortKey(cell) {
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const text = cell.textContent.trim();
  return text === "\u2013" ? null : text;
}

// Numbers first, then text, then cells without either: whichever way it is sorted, what is missing is last.
function compare(one, other, sign) {
  const rank = (key) => (key === null ? 2 : typeof key === "string" ? 1 : 0);
  if (rank(one) !== rank(other)) return rank(one) - rank(other);
  if (one === null) return 0;
  return sign * (typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other);
}

function sortBy(header) {
  const table = header.closest("table");
  const index = header.cellIndex;
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const keyed = [...table.tBodies[0].rows].map((row) => [sortKey(row.cells[index]), row]);
  keyed.sort((one, other) => compare(one[0], other[0], ascending ? 1 : -1));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
}

function makeSortable(table) {
  if (!(table.tBodies[0]?.rows.length > 1)) return;
  for (const header of table.tHead.rows[0].cells) {
    const button = element("button", { type: "button" }, ...header.childNodes);
    button.addEventListener("click", () => sortBy(header));
    header.append(button);
  }
}

const bubble = element("div", { className: "bubble" });
bubble.setAttribute("role", "status");

function point(tip, x, y) {
  document.querySelector(".tip.current")?.classList.remove("current");
  bubble.textContent = tip ? tip.dataset.text : "";
  if (!tip) return;
  tip.classList.add("current");
  const { width, height } = bubble.getBoundingClientRect();
  bubble.style.left = `${Math.max(8, Math.min(x + 12, innerWidth - width - 8))}px`;
  bubble.style.top = `${y + 16 + height > innerHeight ? y - height - 12 : y + 16}px`;
}

function pointAt(tip) {
  const box = tip.getBoundingClientRect();
  point(tip, box.left + box.width / 2, box.top + Math.min(box.height / 2, 40));
}

// A panel is one stop of the keyboard; inside it the arrow keys go from number to number.
function makePointable(panel) {
  const tips = [...panel.querySelectorAll(".tip")];
  if (!tips.length) return;
  let current = -1;
  for (const tip of tips) {
    const title = tip.querySelector("title");
    tip.dataset.text = title.textContent;
    title.remove();
    tip.addEventListener("pointermove", (event) => point(tip, event.clientX, event.clientY));
    tip.addEventListener("pointerleave", () => point(null));
  }
  panel.setAttribute("tabindex", "0");
  panel.addEventListener("blur", () => { current = -1; point(null); });
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") point(null);
    if (!step) return;
    event.preventDefault();
    current = current < 0 && step < 0 ? tips.length - 1 : (current + step + tips.length) % tips.length;
    pointAt(tips[current]);
  });
}

function openForPrint() {
  const closed = [...document.querySelectorAll("main details:not([open])")];
  for (const each of closed) each.open = true;
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; }, { once: true });
}

addThemeSwitch();
document.body.append(bubble);
document.querySelectorAll("table").forEach(makeSortable);
document.querySelectorAll("figure svg").forEach(makePointable);
addEventListener("beforeprint", openForPrint);
addEventListener("scroll", () => point(null), { passive: true });
