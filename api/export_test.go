package api

// BatchWindow is batchWindow.
const BatchWindow = batchWindow
