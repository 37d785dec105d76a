import type { Command } from 'commander';
import type { PlaceOptions } from './options.ts';
import { surroundings, withConfig, withExamples, withStateDir } from './options.ts';

interface Options extends PlaceOptions {
  readonly profile?: string;
}

export function register(program: Command): void {
  const command = program
    .command('run')
    .description(
      'run a command behind a sidecar, its own or one that is running, and exit as the command does',
    )
    .argument('<command>', 'the program to run; options end here')
    .argument('[args...]', 'passed on as they are')
    .option('--profile <id>', 'profile of the agent: its environment and its capability')
    // `firma run --profile claude-code claude --help` asks claude, not this command.
    .passThroughOptions();
  withExamples(
    withStateDir(withConfig(command)),
    'firma run --profile claude-code claude',
    'firma run -- curl https://api.github.com/repos/octocat/hello-world',
  ).action(async (name: string, args: readonly string[], options: Options) => {
    const { openConfig } = await import('../config/open.ts');
    const { findProfile } = await import('../config/profiles.ts');
    const { attachOrStart } = await import('../run/attach.ts');
    const { launchAgent } = await import('../run/launch.ts');
    // Loaded here too, so that what is wrong is said before anything is started.
    const { config, stateRoot } = await openConfig(options, surroundings());
    const profile = findProfile(config.run.profiles, options.profile ?? config.run.profile);
    const sidecar = await attachOrStart({
      stateDir: stateRoot,
      ...(config.file === undefined ? {} : { configPath: config.file }),
    });
    try {
      process.exitCode = await launchAgent({ sidecar, profile, command: name, args, env: process.env });
    } finally {
      await sidecar.stop();
    }
  });
}
