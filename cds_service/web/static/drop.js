// A file that is dropped on the record is read into it, on this machine; what is pasted or dropped is
// judged instead of the sample that was chosen.
"use strict";

const record = document.getElementById("record");
const sample = document.getElementById("sample");

record.addEventListener("input", () => {
  sample.value = "";
});

record.addEventListener("dragover", (event) => event.preventDefault());

record.addEventListener("drop", async (event) => {
  const [file] = event.dataTransfer.files;
  if (!file) return;
  event.preventDefault();
  record.value = await file.text();
  sample.value = "";
  record.form.requestSubmit();
});
