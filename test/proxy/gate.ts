import { EventEmitter, once } from 'node:events';

/** Something to wait for that a test lets happen. */
export function gate(): { readonly opened: Promise<unknown>; readonly open: () => void } {
  const events = new EventEmitter();
  return { opened: once(events, 'open'), open: () => void events.emit('open') };
}
