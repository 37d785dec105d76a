// Looks whether a state store can be gone on with, in a process of its own: lmdb may follow a damaged page into nowhere.
// Ends 0 where it can, or where that cannot be told for want of disk or rights; else 1, with why on standard output.

import { StateDatabase } from './state-database.ts';
import { StateFault } from './state-fault.ts';

const [dir = ''] = process.argv.slice(2);
try {
  await (await StateDatabase.open({ dir, fsync: 'checkpoint' })).close();
} catch (error) {
  const isDamaged = !(error instanceof StateFault) || error.isDamaged;
  if (isDamaged) process.stdout.write(error instanceof StateFault ? error.message : 'cannot be opened');
  process.exitCode = isDamaged ? 1 : 0;
}
