import { stringify } from 'smol-toml';
import type { Mix, MixEndpoint } from './mix.ts';

const HEAD = `# A mix for \`firma load --mix FILE\`: who asks for what, how often. Endpoints come up by Zipf's law, in this order.
#
# [agents]      what their tokens grant; \`zipf\`: how much more the first ask than the last (0: all alike);
#               \`calls_per_session\`: after so many an agent goes on in a new session
# [calls]       \`zipf\`: as above, among endpoints; \`denials\`: the share that goes to endpoints with \`denied = true\`;
#               \`cold_tokens\`: the share with which an agent begins a new session, with a token never seen before
# [[endpoints]] \`method\`, \`url\`, \`headers\`, \`body\`, \`denied\`

`;

function endpointTable({ method, url, headers, body, denied }: MixEndpoint): object {
  return {
    method,
    url,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(body === '' ? {} : { body }),
    ...(denied ? { denied } : {}),
  };
}

/** A mix as the text of a file that `readMix` reads back to the same mix. */
export function writeMix({ agents, calls, endpoints }: Mix): string {
  const { callsPerSession, ...who } = agents;
  const { coldTokens, ...what } = calls;
  return (
    HEAD +
    stringify({
      agents: { ...who, calls_per_session: callsPerSession },
      calls: { ...what, cold_tokens: coldTokens },
      endpoints: endpoints.map(endpointTable),
    })
  );
}
