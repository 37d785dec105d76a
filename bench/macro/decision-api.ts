// The decision API over a socket, beside its yardsticks. `npm run bench` runs all of it; by hand:
// `node dist/bench/macro/decision-api.js --quick --parts closed,placement`.

import { parseArgs } from 'node:util';
import { API_PARTS, isApiPart, measureApi } from './api-parts.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    parts: { type: 'string', default: API_PARTS.join(',') },
  },
});

const parts = values.parts.split(',');
const unknown = parts.find((part) => !isApiPart(part));
if (unknown !== undefined) throw new Error(`\`${unknown}\` is none of ${API_PARTS.join(', ')}`);
for (const part of parts.filter(isApiPart)) {
  process.stdout.write(`${(await measureApi(part, values.quick)).join('\n')}\n\n`);
}
