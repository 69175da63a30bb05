// The words of components/tally.jsx.
export const en = {
  "tally.matched": "matched",
  "tally.acked": "acknowledged",
  "tally.written": "written",
  "tally.timedOut": "not in time",
  "tally.queued": "queued",
  "tally.dropped": "too slow",
  "tally.left": "gone",
};

export const zh = {
  "tally.matched": "匹配",
  "tally.acked": "已确认",
  "tally.written": "已写出",
  "tally.timedOut": "超时",
  "tally.queued": "已入队",
  "tally.dropped": "过慢",
  "tally.left": "已离开",
};
