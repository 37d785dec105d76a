#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import { shippedPath } from '../config/package-root.ts';
import { register as registerAudit } from './audit.ts';
import { register as registerBench } from './bench.ts';
import { register as registerClasses } from './classes.ts';
import { register as registerClassify } from './classify.ts';
import { register as registerDecide } from './decide.ts';
import { register as registerDemo } from './demo.ts';
import { report } from './exit.ts';
import { register as registerLoad } from './load.ts';
import { register as registerMapping } from './mapping.ts';
import { stopQuietlyOnClosedPipe } from './output.ts';
import { register as registerPolicy } from './policy.ts';
import { register as registerRun } from './run.ts';
import { register as registerSession } from './session.ts';
import { register as registerSidecar } from './sidecar.ts';
import { register as registerToken } from './token.ts';
import { register as registerTrust } from './trust.ts';

// One line a command. A command's file imports what it needs only when it runs, so that help is there at once.
const COMMANDS = [
  registerRun,
  registerSidecar,
  registerSession,
  registerTrust,
  registerClasses,
  registerClassify,
  registerMapping,
  registerPolicy,
  registerDecide,
  registerToken,
  registerAudit,
  registerLoad,
  registerBench,
  registerDemo,
];

// A command asks Cedar once: compiling its WebAssembly a second time, for speed, takes longer than all of its answers. A
// sidecar, which asks it again and again, is another process.
setFlagsFromString('--liftoff-only');

function version(): string {
  const text: unknown = JSON.parse(readFileSync(shippedPath('package.json'), 'utf8'));
  return typeof text === 'object' && text !== null && 'version' in text ? String(text.version) : 'unknown';
}

function program(): Command {
  const firma = new Command('firma')
    .description('decide, for every outbound call of an AI agent, whether it happens')
    .version(version())
    // Options of a command end at the first word that is not one, so that `firma run CMD --flag` leaves `--flag` alone.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'firma: ')) })
    .showHelpAfterError('run with --help to see how it is used');
  for (const register of COMMANDS) register(firma);
  return firma;
}

stopQuietlyOnClosedPipe(process.stdout);
stopQuietlyOnClosedPipe(process.stderr);
try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = await report(error);
}
