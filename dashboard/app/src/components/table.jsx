// Tables: sortable, with a caption. Where they are wider than the screen they are scrolled sideways, or, on a phone, have a row's cells below each other.
import { Component } from "preact";
import { useState } from "preact/hooks";
import { t } from "../words.js";

/**
 * A table of rows. columns are {key, title, cell(row), sort(row), number, head}: cell gives what is shown, row[key] by default; sort gives what
 * the column is sorted by, and without it the column is not sortable; number aligns to the end; head makes the cell the row's header. id(row) is
 * the row's key, which keeps the focus in the row while rows come and go. sorted is {key, descending} at first; without it rows are as they come.
 * hidden leaves the caption to screen readers. stacked is whether a phone shows a row's cells below each other; the roles are for browsers in which a
 * table that is laid out so is none any more. A row that is the same object as before, with the same columns, is not rendered again.
 */
export function Table({ caption, columns, rows, id, sorted, hidden, empty, stacked = columns.length > 2 }) {
  const [order, setOrder] = useState(sorted);
  const by = columns.find(({ key }) => key === order?.key)?.sort;
  const shown = by ? [...rows].sort((a, b) => compare(by(a), by(b)) * (order.descending ? -1 : 1)) : rows;
  return (
    <div class="scroll" role="group" tabIndex={0} aria-label={caption}>
      <table role="table" class={stacked ? "stacked" : ""}>
        <caption class={hidden ? "unseen" : ""}>{caption}</caption>
        <thead role="rowgroup">
          <tr role="row" data-sort={t("shell.sort")}>{columns.map((column) => <Head key={column.key} column={column} order={order} setOrder={setOrder} />)}</tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((row) => <Row key={id(row)} row={row} columns={columns} />)}
          {!rows.length && <tr role="row"><td role="cell" colSpan={columns.length} class="quiet">{empty ?? t("shell.none")}</td></tr>}
        </tbody>
      </table>
    </div>
  );
}

// It is a class for this: an element that was kept, to be rendered again as it is, would keep the table that it was first in, and so all rows that ever were.
class Row extends Component {
  shouldComponentUpdate({ row, columns }) {
    return row !== this.props.row || columns !== this.props.columns;
  }

  render({ row, columns }) {
    return (
      <tr role="row">
        {columns.map(({ key, title, cell = (each) => each[key], number, head }) =>
          head
            ? <th key={key} role="rowheader" scope="row" class={number ? "number" : ""}>{cell(row)}</th>
            : <td key={key} role="cell" class={number ? "number" : ""} data-title={title}>{cell(row)}</td>)}
      </tr>
    );
  }
}

function Head({ column: { key, title, sort, number }, order, setOrder }) {
  const mine = order?.key === key;
  const next = { key, descending: mine ? !order.descending : Boolean(number) };
  return (
    <th role="columnheader" scope="col" class={number ? "number" : ""} aria-sort={mine ? (order.descending ? "descending" : "ascending") : undefined}>
      {sort
        ? (
          <button type="button" class="sort" onClick={() => setOrder(next)}>
            <bdi>{title}</bdi>
            <span aria-hidden="true">{mine ? (order.descending ? " ↓" : " ↑") : ""}</span>
          </button>
        )
        : <bdi>{title}</bdi>}
    </th>
  );
}

const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a ?? "").localeCompare(String(b ?? "")));
