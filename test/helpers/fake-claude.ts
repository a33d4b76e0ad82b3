/**
 * A program that treats its hooks like Claude Code: a shell runs each hook of the settings with the event on standard
 * input, and its output is interpreted as Claude Code does. Tests write the program into their folder and run it there.
 */
export const fakeClaude = `
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const session_id = '00893aaf-19fa-41d2-8238-13269b9b3ca0'
const common = { session_id, transcript_path: '/none.jsonl', cwd: process.cwd(), permission_mode: 'default' }

const runHook = (command, input) =>
  new Promise(resolve => {
    const hook = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    let stdout = ''
    hook.stdout.on('data', chunk => { stdout += chunk })
    hook.on('close', code => resolve({ code, stdout }))
    hook.stdin.end(JSON.stringify(input))
    hooksOfNow.add(hook)
  })
let hooksOfNow = new Set()

/** Runs the hooks of an event; what they decide, as Claude Code reads it. */
async function fire(event, more = {}) {
  const groups = settings.hooks[event] ?? []
  const fitting = groups.filter(({ matcher = '*' }) => matcher === '*' || new RegExp(matcher).test(more.tool_name))
  hooksOfNow = new Set()
  const outputs = await Promise.all(
    fitting.flatMap(({ hooks }) => hooks.map(({ command }) => runHook(command, { ...common, hook_event_name: event, ...more }))),
  )
  for (const { code } of outputs) if (code === 2) return { blocked: true }
  const parsed = outputs.filter(({ stdout }) => stdout.trim().startsWith('{')).map(({ stdout }) => JSON.parse(stdout).hookSpecificOutput)
  const plain = outputs.map(({ stdout }) => stdout.trim()).filter(text => text !== '' && !text.startsWith('{'))
  return { output: parsed.at(-1), plain }
}

const say = text => process.stdout.write(text + '\\n')
const prompt = () => process.stdout.write('❯ ')
const tool_use_id = () => 'toolu_' + Math.random().toString(36).slice(2)

async function turn(text) {
  const { plain } = await fire('UserPromptSubmit', { prompt: text })
  if (plain?.length) say('CONTEXT ' + plain.join())
  const call = { tool_name: text.startsWith('edit') ? 'Edit' : 'Bash', tool_input: { command: text, description: 'As asked' } }
  const id = tool_use_id()
  const before = await fire('PreToolUse', { ...call, tool_use_id: id })
  let decision = before.output?.permissionDecision ?? 'none'
  say('before: ' + decision)
  if (before.blocked) say('BLOCKED')
  if (decision === 'none' || decision === 'ask') {
    say('✻ Thinking… (esc to interrupt)')
    const suggestion = { type: 'addRules', rules: [{ toolName: 'Bash', ruleContent: text }], behavior: 'allow', destination: 'session' }
    const asked = await fire('PermissionRequest', { ...call, permission_suggestions: [suggestion] })
    const { behavior = 'own prompt', updatedPermissions, message } = asked.output?.decision ?? {}
    decision = behavior
    say('decided: ' + [behavior, message, updatedPermissions && JSON.stringify(updatedPermissions)].filter(Boolean).join(' '))
  }
  if (decision === 'allow') await fire('PostToolUse', { ...call, tool_use_id: id, tool_response: { stdout: 'done', stderr: '' } })
  await fire('Stop', { stop_hook_active: false, last_assistant_message: 'I have answered: ' + text })
}

await fire('SessionStart', { source: 'startup' })
const lines = createInterface({ input: process.stdin, terminal: false })
say('Welcome')
prompt()
let busy = Promise.resolve()
lines.on('line', line => {
  // A person at the program's own prompt: what waits is broken off, as when the answer was given there.
  if (line === 'answer here') for (const hook of hooksOfNow) process.kill(-hook.pid, 'SIGKILL')
  else if (line === 'quit') busy = busy.then(() => fire('SessionEnd', { reason: 'prompt_input_exit' })).then(() => process.exit(0))
  else busy = busy.then(() => turn(line)).then(prompt)
})
`
