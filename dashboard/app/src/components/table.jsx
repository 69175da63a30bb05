// Tables: sortable, with a caption, scrolled sideways where they are wider than the screen.
import { Component } from "preact";
import { useState } from "preact/hooks";
import { t } from "../words.js";

/**
 * A table of rows. columns are {key, title, cell(row), sort(row), number, head}: cell gives what is shown, row[key] by default; sort gives what
 * the column is sorted by, and without it the column is not sortable; number aligns to the end; head makes the cell the row's header. id(row) is
 * the row's key, which keeps the focus in the row while rows come and go. sorted is {key, descending} at first; without it rows are as they come.
 * hidden leaves the caption to screen readers. A row that is the same object as before, with the same columns, is not rendered again.
 */
export function Table({ caption, columns, rows, id, sorted, hidden, empty }) {
  const [order, setOrder] = useState(sorted);
  const by = columns.find(({ key }) => key === order?.key)?.sort;
  const shown = by ? [...rows].sort((a, b) => compare(by(a), by(b)) * (order.descending ? -1 : 1)) : rows;
  return (
    <div class="scroll" role="group" tabIndex={0} aria-label={caption}>
      <table>
        <caption class={hidden ? "unseen" : ""}>{caption}</caption>
        <thead>
          <tr>{columns.map((column) => <Head key={column.key} column={column} order={order} setOrder={setOrder} />)}</tr>
        </thead>
        <tbody>
          {shown.map((row) => <Row key={id(row)} row={row} columns={columns} />)}
          {!rows.length && <tr><td colSpan={columns.length} class="quiet">{empty ?? t("shell.none")}</td></tr>}
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
      <tr>
        {columns.map(({ key, cell = (each) => each[key], number, head }) =>
          head
            ? <th key={key} scope="row" class={number ? "number" : ""}>{cell(row)}</th>
            : <td key={key} class={number ? "number" : ""}>{cell(row)}</td>)}
      </tr>
    );
  }
}

function Head({ column: { key, title, sort, number }, order, setOrder }) {
  const mine = order?.key === key;
  const next = { key, descending: mine ? !order.descending : Boolean(number) };
  return (
    <th scope="col" class={number ? "number" : ""} aria-sort={mine ? (order.descending ? "descending" : "ascending") : undefined}>
      {sort
        ? (
          <button type="button" class="sort" onClick={() => setOrder(next)}>
            {title}
            <span aria-hidden="true">{mine ? (order.descending ? " ↓" : " ↑") : ""}</span>
          </button>
        )
        : title}
    </th>
  );
}

const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a ?? "").localeCompare(String(b ?? "")));
