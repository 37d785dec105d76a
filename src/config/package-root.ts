import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function nearestPackage(from: string): string {
  let folder = dirname(from);
  // Neither `src` nor `dist/src` holds a package.json, so the nearest one is the package's own from both.
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package of this file is not complete');
    folder = parent;
  }
  return folder;
}

/** Absolute path of what the package ships beside its code: `mappings`, `policies/starter`, `policies/issuance`. */
export function shippedPath(relative: string): string {
  return join(nearestPackage(fileURLToPath(import.meta.url)), relative);
}
