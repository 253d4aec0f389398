"use strict";
// In the head: the choice of colours is there before anything is seen.
try {
  const kept = localStorage.getItem("vitreport-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch {
  // Nothing is kept here: the colours are those of the system.
}
