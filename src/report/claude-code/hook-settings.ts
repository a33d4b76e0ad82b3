import { reportedEvents } from './hook-reports.ts'

export interface HookSettingsOptions {
  /** How a shell starts this program: `fleetwire`, or a quoted path. */
  command: string
  /** How long a permission request waits for its answer. */
  timeoutMs: number
  /** `false`: permissions are only reported. Claude Code alone asks for them. */
  asks: boolean
  /** Matcher of tools that need permission for each call, regardless of Claude Code's own rules. */
  gate?: string | undefined
  platform: NodeJS.Platform
}

interface HookGroup {
  matcher?: string
  hooks: { type: 'command'; command: string; timeout: number }[]
}

/** Timeout of hooks that only report, which should take a moment. */
const TELL_SECONDS = 10
/** How long after a hook's own timeout Claude Code kills it. */
const GRACE_SECONDS = 30
/** Events about tools, which need a matcher for the tool name (`*`: any). */
const OF_TOOLS = /^(?:PreToolUse|PostToolUse|PostToolUseFailure|PermissionRequest|PermissionDenied)$/

/** The settings that connect Claude Code's hooks, for `claude --settings` or as part of its own settings file. */
export function hookSettings({ command, timeoutMs, asks, gate, platform }: HookSettingsOptions): {
  hooks: Record<string, HookGroup[]>
} {
  // A hook that exits with 2 blocks Claude Code. Ours never do, but a shell may if the program no longer exists.
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
