import { realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { hookSettings } from '../report/claude-code/hook-settings.ts'
import { durationOption } from './options.ts'

interface ClaudeOptions {
  timeout: number
  ask: boolean
  gate?: string
}

const claudeCode = new Command('claude-code')
  .description(
    'The settings that connect Claude Code to the wrapper it runs in: for claude --settings, or its settings.json',
  )
  .addOption(
    durationOption(
      '--timeout',
      'how long a permission request waits for an answer before Claude Code itself asks',
      '10m',
    ),
  )
  .option('--no-ask', 'only report; only Claude Code itself asks for permissions')
  .option(
    '--gate <tools>',
    'also ask before each call of these tools, whatever its own rules say: Bash, "Edit|Write", "*"',
  )
  .action(({ timeout: timeoutMs, ask: asks, gate }: ClaudeOptions) => {
    const settings = hookSettings({ command: ownCommand(), timeoutMs, asks, gate, platform: process.platform })
    process.stdout.write(`${JSON.stringify(settings, undefined, 2)}\n`)
  })

export const hooksCommand = new Command('hooks').addCommand(claudeCode.exitOverride())

/** How a shell calls this program: by name if PATH leads to this copy, otherwise by its full path. */
function ownCommand(): string {
  const main = realpathSync(process.argv[1] ?? fileURLToPath(import.meta.url))
  const isNamed = (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      return folder !== '' && realpathSync(join(folder, 'fleetwire')) === main
    } catch {
      return false
    }
  })
  return isNamed ? 'fleetwire' : [process.execPath, main].map(quoted).join(' ')
}

/** Quotes a path for `sh`, or for the shells of Windows. */
const quoted = (path: string): string => {
  if (/^[\w./:@+-]+$/.test(path)) return path
  return process.platform === 'win32' ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`
}
