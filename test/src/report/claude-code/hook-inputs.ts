/** What Claude Code writes to its hooks, in the shapes of its reference. */
const common = {
  session_id: '00893aaf-19fa-41d2-8238-13269b9b3ca0',
  transcript_path: '/srv/ann/.claude/projects/app/00893aaf-19fa-41d2-8238-13269b9b3ca0.jsonl',
  cwd: '/srv/ann/app',
}
const turn = { ...common, prompt_id: '550e8400-e29b-41d4-a716-446655440000', permission_mode: 'default' }
const bash = { tool_name: 'Bash', tool_input: { command: 'npm test', description: 'Run test suite', timeout: 120000 } }

export const sessionId = common.session_id

export const hooks = {
  SessionStart: { ...common, hook_event_name: 'SessionStart', source: 'startup', model: 'claude-sonnet-5' },
  UserPromptSubmit: { ...turn, hook_event_name: 'UserPromptSubmit', prompt: 'Write a function\nthat adds' },
  PreToolUse: { ...turn, hook_event_name: 'PreToolUse', ...bash, tool_use_id: 'toolu_01ABC123' },
  PostToolUse: {
    ...turn,
    hook_event_name: 'PostToolUse',
    ...bash,
    tool_response: { stdout: 'ok', stderr: '', interrupted: false, isImage: false },
    tool_use_id: 'toolu_01ABC123',
    duration_ms: 12,
  },
  PostToolUseFailure: {
    ...turn,
    hook_event_name: 'PostToolUseFailure',
    ...bash,
    tool_use_id: 'toolu_01ABC123',
    error: "Exit code 1\nError: Cannot find module 'express'",
    is_interrupt: false,
  },
  PermissionRequest: {
    ...turn,
    hook_event_name: 'PermissionRequest',
    tool_name: 'Bash',
    tool_input: { command: 'rm -rf node_modules', description: 'Remove node_modules directory' },
    permission_suggestions: [
      {
        type: 'addRules',
        rules: [{ toolName: 'Bash', ruleContent: 'rm -rf node_modules' }],
        behavior: 'allow',
        destination: 'localSettings',
      },
      { type: 'setMode', mode: 'acceptEdits', destination: 'session' },
      { type: 'setMode', mode: 'bypassPermissions', destination: 'session' },
      { type: 'addDirectories', directories: ['/srv/ann/lib'], destination: 'session' },
      { type: 'addRules', rules: [{ toolName: 'Bash' }], behavior: 'deny', destination: 'session' },
      { type: 'somethingNew' },
    ],
  },
  PermissionDenied: {
    ...turn,
    hook_event_name: 'PermissionDenied',
    ...bash,
    tool_use_id: 'toolu_01ABC123',
    reason: 'Blocked by classifier',
  },
  PreCompact: { ...common, hook_event_name: 'PreCompact', trigger: 'auto' },
  Notification: {
    ...common,
    hook_event_name: 'Notification',
    message: 'Claude needs your permission',
    title: 'Permission needed',
    notification_type: 'permission_prompt',
  },
  Stop: {
    ...turn,
    hook_event_name: 'Stop',
    stop_hook_active: false,
    last_assistant_message: 'I added it.',
    background_tasks: [],
  },
  StopFailure: {
    ...common,
    hook_event_name: 'StopFailure',
    error: 'rate_limit',
    error_details: '429 Too Many Requests',
  },
  SessionEnd: { ...common, hook_event_name: 'SessionEnd', reason: 'prompt_input_exit' },
}

export const question = {
  ...turn,
  hook_event_name: 'PermissionRequest',
  tool_name: 'AskUserQuestion',
  tool_input: {
    questions: [
      {
        question: 'Which framework?',
        header: 'Framework',
        options: [{ label: 'React', description: 'Components' }, { label: 'Vue' }],
        multiSelect: false,
      },
    ],
  },
}

export const plan = {
  ...turn,
  hook_event_name: 'PermissionRequest',
  tool_name: 'ExitPlanMode',
  tool_input: { plan: '## Refactor auth\n1. Extract', planFilePath: '/srv/ann/.claude/plans/refactor-auth.md' },
}
