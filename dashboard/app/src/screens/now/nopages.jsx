// No page is there: what to do next, with the real address.
import { serverAddress } from "../../address.js";
import { Snippet } from "../../components/copy.jsx";
import { Empty } from "../../components/states.jsx";
import { t } from "../../words.js";

export const NoPages = () => (
  <section>
    <Empty title={t("now.noPages")}>
      <p>{t("now.tagWhy")}</p>
      <Snippet label={t("now.tag")}>
        {`<script src="${serverAddress("scenecast.js")}"\n  data-token="CLIENT_TOKEN" data-page="home" data-popup></script>`}
      </Snippet>
      <p>{t("now.curlWhy")}</p>
      <Snippet label={t("now.curl")}>
        {`curl ${serverAddress("v1/push")} \\\n  -H 'Authorization: Bearer API_KEY' \\\n  -d '{"to": {"page": "home"}, "message": "hello"}'`}
      </Snippet>
    </Empty>
  </section>
);
