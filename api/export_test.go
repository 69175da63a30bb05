package api

// BatchWindow is batchWindow.
const BatchWindow = batchWindow

// DocsSummaries are those of the page that shows openapi.json.
var DocsSummaries = docsSummaries
