// The pages are whole without this file. It adds a choice of theme, tables that sort and
// filter, and pictures that enlarge. It asks nothing of the network.
"use strict";

const THEME = "loopwright-theme";
const WHOLE_UP_TO = 30; // rows
const FIRST_ROWS = 20; // a longer table shows these first
const MORE_ROWS = 500; // and so many more at a time
const FILTER_FROM = 12; // rows

// --- theme: that of the system until somebody chooses ---------------------------------------

function remembered() {
  try {
    return localStorage.getItem(THEME);
  } catch {
    return null; // a browser may refuse to store anything for files
  }
}

function remember(theme) {
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    // the choice then holds for this page alone
  }
}

const chosen = remembered();
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function offerThemes() {
  const buttons = [...document.querySelectorAll(".theme-place")].map((place) => {
    const button = make("button", { type: "button", className: "theme" }, "Dark");
    place.append(button);
    return button;
  });
  const show = () => buttons.forEach((button) => button.setAttribute("aria-pressed", isDark()));
  buttons.forEach((button) =>
    button.addEventListener("click", () => {
      const theme = isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      remember(theme);
      show();
    }),
  );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

function make(tag, facts, ...children) {
  const element = Object.assign(document.createElement(tag), facts);
  element.append(...children);
  return element;
}

// --- tables -------------------------------------------------------------------------------

function enliven(table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  if (rows.length < 2) return;
  const state = { order: rows, terms: [], room: FIRST_ROWS };
  const texts = new Map();
  const text = (row) => {
    if (!texts.has(row)) {
      texts.set(row, Array.from(row.cells, (cell) => cell.textContent.toLowerCase()).join("\n"));
    }
    return texts.get(row);
  };
  const bar = rows.length >= FILTER_FROM ? addBar() : null;
  const foot = rows.length > WHOLE_UP_TO ? addFoot() : null;
  [...table.tHead.rows[0].cells].forEach(addSort);
  unfold(table.closest("details.long"));
  show();

  function show() {
    let found = 0;
    for (const row of state.order) {
      const fits = state.terms.every((term) => text(row).includes(term));
      if (row.hidden === fits) row.hidden = !fits;
      found += fits;
      const later = fits && foot !== null && found > state.room;
      if (row.classList.contains("later") !== later) row.classList.toggle("later", later);
    }
    const seen = foot ? Math.min(found, state.room) : found;
    if (bar) bar.count.textContent = told(found, seen);
    if (foot) {
      foot.hidden = found <= seen;
      foot.textContent = `Show ${shown(Math.min(MORE_ROWS, found - seen))} more rows`;
    }
  }

  function told(found, seen) {
    const all = state.terms.length
      ? `${shown(found)} of ${shown(rows.length)} rows fit`
      : `${shown(rows.length)} rows`;
    return seen < found ? `${all}, the first ${shown(seen)} shown` : all;
  }

  function addBar() {
    const input = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    const count = make("span", { className: "found" });
    count.setAttribute("role", "status");
    const name = table.caption?.textContent ?? "the table";
    const label = make("label", {}, make("span", {}, "Filter"), input);
    input.setAttribute("aria-label", `Filter ${name}`);
    input.addEventListener("input", () => {
      state.terms = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      show();
    });
    table.parentElement.before(make("div", { className: "bar" }, label, count));
    return { count };
  }

  function addFoot() {
    const button = make("button", { type: "button", className: "more" });
    button.addEventListener("click", () => {
      state.room += MORE_ROWS;
      show();
    });
    table.parentElement.after(button);
    return button;
  }

  function addSort(head, column) {
    const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
    head.append(button);
    const numeric = head.classList.contains("value");
    button.addEventListener("click", () => {
      const ways = { null: "ascending", ascending: "descending" };
      const way = ways[head.getAttribute("aria-sort")]; // and then as the stage wrote it
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      if (way) head.setAttribute("aria-sort", way);
      state.order = way ? sorted(rows, column, numeric, way === "descending") : rows;
      body.append(...state.order);
      show();
    });
  }
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const digits = new Intl.NumberFormat("en");

function shown(count) {
  return digits.format(count);
}

// A long table that shows few rows at a time needs no folding.
function unfold(details) {
  details?.querySelector("summary").remove();
  details?.replaceWith(...details.childNodes);
}

// Rows without a value come last, either way.
function sorted(rows, column, numeric, descending) {
  const keyed = rows.map((row) => {
    const cell = row.cells[column];
    const key = cell.dataset.key ?? cell.textContent.trim();
    const value = Number.parseFloat(key.replaceAll(",", "").replace("\u2212", "-"));
    const byNumber = numeric || cell.dataset.key !== undefined;
    return { row, value: byNumber ? value : key, none: byNumber ? Number.isNaN(value) : key === "\u2013" };
  });
  const sign = descending ? -1 : 1;
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b);
  keyed.sort((a, b) => a.none - b.none || (a.none ? 0 : sign * compare(a.value, b.value)));
  return keyed.map(({ row }) => row);
}

// --- pictures -----------------------------------------------------------------------------

function offerLargePictures() {
  const links = [...document.querySelectorAll("a.enlarge")];
  if (!links.length || !("HTMLDialogElement" in window)) return;
  const image = make("img", {});
  const frame = make("div", { className: "large-picture", tabIndex: 0 }, image);
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "The picture, which may be larger than the window");
  const words = make("p", { id: "large-words" });
  const before = make("button", { type: "button" }, "Previous");
  const after = make("button", { type: "button" }, "Next");
  const close = make("button", { type: "button" }, "Close");
  const whole = make("a", {}, "Full size");
  const buttons = make("div", { className: "large-buttons" }, before, after, whole, close);
  const dialog = make("dialog", { className: "large" }, make("div", {}, buttons, frame, words));
  dialog.setAttribute("aria-labelledby", "large-words");
  document.body.append(dialog);
  let place = 0;

  function show(at) {
    place = (at + links.length) % links.length;
    const link = links[place];
    const small = link.querySelector("img");
    image.src = link.href;
    frame.scrollTo(0, 0);
    image.alt = small.alt;
    whole.href = link.href;
    const caption = link.parentElement.querySelector("figcaption").cloneNode(true);
    caption.querySelector("code")?.remove();
    words.textContent = caption.textContent.trim();
  }

  links.forEach((link, at) =>
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      show(at);
      dialog.showModal();
      close.focus();
    }),
  );
  before.hidden = after.hidden = links.length < 2;
  before.addEventListener("click", () => show(place - 1));
  after.addEventListener("click", () => show(place + 1));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the ground around the picture
  });
  dialog.addEventListener("keydown", (event) => {
    if (document.activeElement === frame) return; // there, arrows move the picture
    if (event.key === "ArrowLeft") show(place - 1);
    if (event.key === "ArrowRight") show(place + 1);
  });
  dialog.addEventListener("close", () => links[place].focus());
}

// --- paper: nothing stays folded ------------------------------------------------------------

function unfoldOnPaper() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open])")];
    opened.forEach((details) => (details.open = true));
  });
  addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
}

addEventListener("DOMContentLoaded", () => {
  offerThemes();
  document.querySelectorAll("table[data-live]").forEach(enliven);
  offerLargePictures();
  unfoldOnPaper();
});
