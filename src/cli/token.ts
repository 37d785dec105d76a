import type { Command } from 'commander';
import type { CapabilityRequest, Config } from '../config/config.ts';
import type { PlaceOptions } from './options.ts';
import { collect, surroundings, withConfig, withExamples, withJson, withStateDir } from './options.ts';
import { columns, print, printJson } from './output.ts';

interface IssueOptions extends PlaceOptions {
  readonly profile?: string;
  readonly agent?: string;
  readonly group?: readonly string[];
  readonly action?: readonly string[];
  readonly scope?: readonly string[];
  readonly ttl?: string;
  readonly json?: boolean;
}

async function requestOf(config: Config, options: IssueOptions): Promise<CapabilityRequest> {
  const { Usage } = await import('@firma/core');
  const { findProfile } = await import('../config/profiles.ts');
  if (options.ttl !== undefined && !/^[1-9][0-9]{0,8}$/.test(options.ttl)) {
    throw new Usage('`--ttl` is a whole number of seconds');
  }
  const asked = findProfile(config.run.profiles, options.profile ?? config.run.profile).capability;
  return {
    agent: options.agent ?? asked.agent,
    groups: options.group ?? asked.groups,
    actions: options.action ?? asked.actions,
    scope: options.scope ?? asked.scope,
    ttlS: options.ttl === undefined ? asked.ttlS : Number(options.ttl),
  };
}

async function issue(options: IssueOptions): Promise<void> {
  const { inspectToken } = await import('../authority/authority.ts');
  const { openAuthority } = await import('../authority/open.ts');
  const { openConfig } = await import('../config/open.ts');
  const { openStateDir } = await import('../config/state-dir.ts');
  const loaded = await openConfig(options, surroundings());
  const request = await requestOf(loaded.config, options);
  const state = await openStateDir(loaded.stateRoot);
  const authority = await openAuthority(loaded, state.authority);
  try {
    const { token } = await authority.issue(request);
    if (options.json === true) printJson({ token, claims: inspectToken(token).claims });
    else print(token);
  } finally {
    authority.close();
  }
}

function shown(name: string, value: unknown): string {
  const isTime = typeof value === 'number' && ['iat', 'nbf', 'exp'].includes(name);
  if (isTime && Math.abs(value) < 8e12) return `${value} (${new Date(value * 1000).toISOString()})`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function inspect(file: string, options: { readonly json?: boolean }): Promise<void> {
  const { MAX_TOKEN_BYTES } = await import('@firma/core');
  const { inspectToken } = await import('../authority/authority.ts');
  const { readInput } = await import('./input.ts');
  // Room for the line break behind the token, and a byte that shows one that is too long.
  const text = await readInput(file, MAX_TOKEN_BYTES + 3);
  const { header, claims } = inspectToken(text.toString('utf8').trim());
  if (options.json === true) {
    printJson({ verified: false, header, claims });
    return;
  }
  print(columns(Object.entries({ ...header, ...claims }).map(([name, value]) => [name, shown(name, value)])));
  process.stderr.write('firma: this is what the token says of itself; its signature was not checked\n');
}

export function register(program: Command): void {
  const token = program.command('token').description('issue and look at capability tokens');
  const issuing = token
    .command('issue')
    .description('have the embedded Authority issue a token, and print it')
    .option('--profile <id>', 'what to ask for where an option below does not say (default: [run] profile)')
    .option('--agent <id>', 'who it is for')
    .option('--group <name>', 'a group of the agent; may be given again', collect)
    .option(
      '--action <class>',
      'an action class, or a category such as payment.*; may be given again',
      collect,
    )
    .option('--scope <pattern>', 'where it may act, such as api.github.com/**; may be given again', collect)
    .option('--ttl <seconds>', 'how long it is valid')
    .action(issue);
  withExamples(
    withJson(withStateDir(withConfig(issuing))),
    "firma token issue --agent reviewer --action code.read --action 'issue.*' --scope 'api.github.com/**' --ttl 600",
  );
  const inspecting = token
    .command('inspect')
    .description('show what a token says, without checking its signature')
    .argument(
      '<file>',
      'a file that holds it, or - for standard input: a token never stands on a command line',
    )
    .action(inspect);
  withExamples(withJson(inspecting), 'firma token issue | firma token inspect -');
}
