"use strict";
// One time for all that the page shows: of the player where it plays, else of the chart.
const get = (id) => document.getElementById(id);
const data = JSON.parse(get("data").textContent);
const player = get("player"), chart = get("chart");
const rows = [...get("bars").tBodies[0].rows];
const lines = [...chart.querySelectorAll("path.line")]; // of each emotion one, or two
let now = 0;

function clock(time) {
  const tenths = Math.round(time * 10), seconds = (tenths % 600) / 10;
  const minutes = Math.floor(tenths / 600), hours = Math.floor(minutes / 60);
  const padded = seconds.toFixed(1).padStart(4, "0");
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${padded}` : `${minutes}:${padded}`;
}

const share = (time) => `${100 * Math.min(1, time / Math.max(data.duration, 1e-3))}%`;

function show(time) {
  now = Math.min(Math.max(time, 0), data.duration);
  const index = Math.min(Math.round(now / data.every), data.said.length - 1);
  const said = data.said[index], reason = data.reasons[data.reason[index]] || "";
  const top = said ? said.indexOf(Math.max(...said)) : -1;
  rows.forEach((row, number) => {
    row.classList.toggle("top", number === top);
    row.querySelector(".fill").style.width = said ? `${said[number] / 10}%` : 0;
    row.querySelector(".now").textContent = said ? `${Math.round(said[number] / 10)} %` : "–";
  });
  lines.forEach((line, number) => line.classList.toggle("top", number % rows.length === top));
  const what = said ? data.emotions[top] : "nothing can be said";
  get("time").textContent = clock(now);
  get("said").textContent = reason ? `${said ? "to mind" : what}: ${reason}` : "";
  get("cursor").style.left = share(now);
  chart.setAttribute("aria-valuenow", now.toFixed(1));
  chart.setAttribute("aria-valuetext", `${clock(now)}, ${what}`);
}

const pixels = () => chart.clientWidth * now / Math.max(data.duration, 1e-3);
const view = chart.parentElement;  // where it is wider than the window, it scrolls
const inView = () => pixels() >= view.scrollLeft && pixels() <= view.scrollLeft + view.clientWidth;

function reveal() {
  if (!inView()) view.scrollLeft = pixels() - view.clientWidth / 10;
}

function seek(time) {
  show(time);
  if (player.readyState) player.currentTime = now;
  reveal();
}

function follow() {
  const watched = inView(); // who has scrolled away is left there
  show(player.currentTime);
  if (watched) reveal();
  if (!player.paused && !player.ended) requestAnimationFrame(follow);
}

function play() {
  if (!player.readyState) return;
  if (player.paused) player.play().catch(() => {}); else player.pause();
}

player.addEventListener("play", follow);
player.addEventListener("seeked", () => show(player.currentTime));
player.addEventListener("loadedmetadata", () => {
  const off = Math.abs(player.duration - data.duration);
  const other = get("file").files.length && off > 1 + data.duration / 100;
  get("trouble").textContent = other ?
    `This lasts ${clock(player.duration)}, the recording ${clock(data.duration)}: it may be another one.` : "";
  get("trouble").hidden = !other;
  if (now) player.currentTime = now;
});
player.addEventListener("error", () => {
  get("trouble").textContent = "This browser cannot play it; the chart is as it is.";
  get("trouble").hidden = get("choose").hidden = false;
});
get("file").addEventListener("change", (event) => {
  if (!event.target.files.length) return;
  player.src = URL.createObjectURL(event.target.files[0]);
  player.hidden = false;
});

const at = (event) => {
  const box = chart.getBoundingClientRect();
  return data.duration * (event.clientX - box.left) / box.width;
};
// A finger scrolls and taps, a mouse also drags.
chart.addEventListener("click", (event) => seek(at(event)));
chart.addEventListener("pointermove", (event) => {
  if (event.pointerType === "mouse" && event.buttons === 1) seek(at(event));
});
const steps = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10};
chart.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key in steps) seek(now + steps[event.key] * data.every);
  else if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(data.duration);
  else if (event.key === " " || event.key === "Enter") play();
  else return;
  event.preventDefault();
});

rows.forEach((row) => {
  const mark = row.querySelector(".mark");
  mark.hidden = !row.dataset.whole;
  mark.style.left = `${row.dataset.whole / 10}%`;
});
const rounds = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

function label() {
  const least = data.duration * 70 / Math.max(chart.clientWidth, 1); // s that a label is wide
  const step = rounds.find((round) => round >= least) || 7200;
  const ticks = [];
  for (let n = 0; n * step + least / 2 < data.duration || !n; n++) {
    const tick = document.createElement("span");
    tick.style.left = share(n * step);
    tick.textContent = clock(n * step).replace(/\.0$/, "");
    ticks.push(tick);
  }
  get("axis").replaceChildren(...ticks);
}

new ResizeObserver(label).observe(chart);
const stretch = get("stretch");
if (stretch) stretch.addEventListener("click", () => {
  const on = stretch.getAttribute("aria-pressed") !== "true";
  stretch.setAttribute("aria-pressed", on);
  chart.classList.toggle("stretched", on);
  chart.style.width = on ? `${Math.max(4 * data.said.length, view.clientWidth)}px` : "";
  reveal();
});
show(0);
