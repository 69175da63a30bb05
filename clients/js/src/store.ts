/** Where a page's position and ID outlive the page. Each is empty where there is none. */
export interface Store {
  load(): [position: string, pageID: string];
  save(position: string, pageID: string): void;
}

/** In sessionStorage: of this tab, and of this address, because another scene of the site has missed other pushes. */
export function sessionStore(address: string): Store {
  const key = "scenecast " + address;
  return {
    load() {
      try {
        const [position, pageID] = sessionStorage.getItem(key)!.split(" ");
        return pageID === undefined ? ["", ""] : [position, pageID];
      } catch {
        return ["", ""]; // nothing is stored, or the browser denies the page its storage
      }
    },
    save(position, pageID) {
      try {
        sessionStorage.setItem(key, `${position} ${pageID}`);
      } catch {
        // full or denied: then a reload begins anew
      }
    },
  };
}
