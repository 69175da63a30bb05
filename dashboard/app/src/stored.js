// What this browser remembers of its user's choices. Where it keeps nothing, choices last until the page is left.
export function load(name) {
  try {
    return localStorage.getItem(`scenecast.dashboard.${name}`);
  } catch {
    return null;
  }
}

export function store(name, value) {
  try {
    localStorage.setItem(`scenecast.dashboard.${name}`, value);
  } catch {}
}
