// Before the first paint, so that a chosen theme does not flash: the rest of the program comes as a module, later.
{
  const chosen = localStorage.getItem("embscope.theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
