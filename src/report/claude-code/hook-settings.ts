import { reportedEvents } from './hook-reports.ts'

export interface HookSettingsOptions {
  /** How a shell calls this program: `fleetwire`, or a quoted path. */
  command: string
  /** For how long a permission waits for its answer. */
  timeoutMs: number
  /** `false`: permissions are only told of, and asked by Claude Code alone. */
  asks: boolean
  /** Tools that are asked about before each call, by Claude Code's matcher, whatever its own rules say. */
  gate?: string | undefined
  platform: NodeJS.Platform
}

interface HookGroup {
  matcher?: string
  hooks: { type: 'command'; command: string; timeout: number }[]
}

/** Telling takes a moment; what hangs is not waited for. */
const TELL_SECONDS = 10
/** Claude Code ends a hook some time after the hook itself has given up waiting. */
const GRACE_SECONDS = 30
/** Events about a tool take the name of one, which `*` leaves open. */
const OF_TOOLS = /^(?:PreToolUse|PostToolUse|PostToolUseFailure|PermissionRequest|PermissionDenied)$/

/** The settings that connect Claude Code's hooks: the content of a file for `claude --settings`, or a part of its own. */
export function hookSettings({ command, timeoutMs, asks, gate, platform }: HookSettingsOptions): {
  hooks: Record<string, HookGroup[]>
} {
  // Exit code 2 of a hook blocks what Claude Code does. None of ours ends so, but a shell may for a program that is gone.
  const guard = platform === 'win32' ? '' : ' || true'
  const group = (event: string, options: string, timeout: number, matcher = '*'): HookGroup => ({
    ...(OF_TOOLS.test(event) && { matcher }),
    hooks: [{ type: 'command', command: `${command} report hook claude-code${options}${guard}`, timeout }],
  })
  const waits = ` --timeout ${Math.ceil(timeoutMs / 1000)}s`
  const waitSeconds = Math.ceil(timeoutMs / 1000) + GRACE_SECONDS
  const hooks: Record<string, HookGroup[]> = {}
  for (const event of reportedEvents) hooks[event] = [group(event, '', TELL_SECONDS)]
  if (asks) hooks.PermissionRequest = [group('PermissionRequest', waits, waitSeconds)]
  if (gate !== undefined) hooks.PreToolUse?.push(group('PreToolUse', ` --ask${waits}`, waitSeconds, gate))
  return { hooks }
}
