import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { scenecast } from "scenecast";
import { usePresence, usePush, useScene } from "scenecast/react";

// Where the server is, and the page's token: here of the address, ?server=http://host:9502&token=…; in an application, of its backend.
const { server, token } = Object.fromEntries(new URLSearchParams(location.search));
scenecast.connect({ url: `${server ?? "http://localhost:9502"}/v1/connect`, token: token ?? "CLIENT_TOKEN", labels: {} });

/** The address's hash, as in #/orders/7. */
function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return hash;
}

/** The list of orders: the backend pushes to {"page": "orders"}. */
function Orders() {
  useScene({ page: "orders" });
  return <h1>Orders</h1>;
}

/** One order: the backend pushes to {"order": "7"}, and whoever looks at it sees who else does. */
function Order({ id }: { id: string }) {
  const [news, setNews] = useState<string[]>([]);
  useScene({ page: "order", order: id });
  const { members, anonymous } = usePresence("order");
  usePush((data) => setNews((before) => [...before, `order ${id}: ${data}`]), "order.changed");
  return <>
    <h1>Order {id}</h1>
    <p id="here">Looking at it: {[...members.map(({ user }) => user), anonymous && `${anonymous} more`].filter(Boolean).join(", ") || "nobody"}</p>
    <ul id="news">{news.map((text, i) => <li key={i}>{text}</li>)}</ul>
  </>;
}

function App() {
  const hash = useHash(), order = /^#\/orders\/(\w+)$/.exec(hash)?.[1];
  const state = useScene({ app: "shop" }); // of every page of the application
  return <>
    <nav>
      {["", "7", "8"].map((id) => {
        const to = id ? `#/orders/${id}` : "#/";
        return <a key={id} href={to} aria-current={(order ?? "") === id ? "page" : undefined}>{id ? `Order ${id}` : "All orders"}</a>;
      })}
      <span id="state">{state}</span>
    </nav>
    {order ? <Order key={order} id={order} /> : <Orders />}
  </>;
}

createRoot(document.getElementById("app")!).render(<StrictMode><App /></StrictMode>);
