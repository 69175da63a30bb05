// What the documents' prose supplies to their JavaScript: functions of the reader's page, and what the block before has made.

type Tag = Required<import("scenecast").Scenecast>; // with its parts, the tags of which stand before the script

declare var scenecast: Tag;
declare function show(what: unknown): void;
declare function toast(what: unknown): void;
declare function showDialog(what: unknown): Promise<void>;
declare function userOf(token: string): string;
declare var buy: HTMLButtonElement;
declare var token: string;

interface Window {
  scenecast: Tag;
  Echo: import("laravel-echo").default<"pusher">;
}
