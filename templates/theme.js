"use strict";
// In the head: the choice of colors is there before anything is seen.
try {
  const kept = localStorage.getItem("vitreport-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch {
  // Nothing is kept here: the colors are those of the system.
}
