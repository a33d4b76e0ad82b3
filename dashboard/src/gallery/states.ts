import type { LoginProblem } from '../app/session.ts'
import { records } from './fixtures.ts'
import type { ServerScript } from './scripted-server.ts'

/** A page in a state that is hard to reach by chance. */
export interface GalleryState {
  id: string
  title: string
  path: string
  server?: Partial<ServerScript>
  login?: LoginProblem | 'none'
}

const empty = { records: [] }

export const states: readonly GalleryState[] = [
  { id: 'fleet', title: 'Fleet', path: '/' },
  { id: 'fleet-none', title: 'Fleet without agents', path: '/', server: empty },
  { id: 'fleet-no-hits', title: 'Fleet, no matches', path: '/?q=zzz' },
  { id: 'fleet-loading', title: 'Fleet, loading', path: '/', server: { mood: 'silent' } },
  { id: 'fleet-refused', title: 'Fleet, not allowed', path: '/', server: { mood: 'refusing' } },
  { id: 'fleet-lost', title: 'Fleet without a connection', path: '/', server: { mood: 'lost' } },
  { id: 'fleet-viewer', title: 'Fleet, read-only', path: '/', server: { role: 'viewer' } },
  { id: 'needs-you', title: 'Needs you: high risk', path: '/needs-you?id=int_delete' },
  { id: 'needs-you-form', title: 'Needs you: a form', path: '/needs-you?id=int_form' },
  { id: 'needs-you-question', title: 'Needs you: a question', path: '/needs-you?id=int_branch' },
  { id: 'needs-you-alike', title: 'Needs you: the same from three agents', path: '/needs-you?id=int_npm0' },
  { id: 'needs-you-failure', title: 'Needs you: a failure', path: '/needs-you?id=cmd_last_ter' },
  { id: 'needs-you-stalled', title: 'Needs you: stalled', path: '/needs-you?id=stalled%20fuzz-4%20cmd_fuzz-4' },
  { id: 'needs-you-none', title: 'Nothing needs you', path: '/needs-you', server: empty },
  {
    id: 'needs-you-viewer',
    title: 'Needs you, read-only',
    path: '/needs-you?id=int_delete',
    server: { role: 'viewer' },
  },
  { id: 'agent-terminal', title: 'Agent: terminal', path: '/agents/build-1?tab=terminal' },
  { id: 'agent-conversation', title: 'Agent: conversation', path: '/agents/summariser?tab=conversation' },
  { id: 'agent-timeline', title: 'Agent: timeline', path: '/agents/build-7?tab=timeline' },
  { id: 'agent-asks', title: 'Agent that asks', path: '/agents/build-7?tab=terminal' },
  { id: 'agent-offline', title: 'Agent that is offline', path: '/agents/mac-mini?tab=terminal' },
  { id: 'agent-unknown', title: 'Unknown agent', path: '/agents/nobody' },
  { id: 'tasks', title: 'Tasks', path: '/tasks' },
  { id: 'tasks-none', title: 'No tasks', path: '/tasks', server: empty },
  { id: 'task', title: 'Task', path: '/tasks/task_move' },
  { id: 'task-failed', title: 'Task that failed', path: '/tasks/task_crawl' },
  { id: 'commands', title: 'Commands', path: '/commands' },
  { id: 'commands-none', title: 'No commands', path: '/commands', server: empty },
  { id: 'command-running', title: 'Command that is running', path: '/commands/cmd_summariser' },
  { id: 'command-queued', title: 'Command that is queued', path: '/commands/cmd_next1' },
  { id: 'command-failed', title: 'Command that failed', path: '/commands/cmd_last_ter' },
  { id: 'command-lost', title: 'Command that was lost', path: '/commands/cmd_last_Cra' },
  { id: 'command-unconfirmed', title: 'Command whose stop was not confirmed', path: '/commands/cmd_unconfirmed' },
  { id: 'system', title: 'System: health', path: '/system' },
  { id: 'system-connections', title: 'System: connections', path: '/system?tab=connections' },
  { id: 'system-tokens', title: 'System: tokens', path: '/system?tab=tokens' },
  { id: 'system-events', title: 'System: events', path: '/system?tab=events' },
  { id: 'system-browser', title: 'System: this browser', path: '/system?tab=browser' },
  { id: 'login', title: 'Login', path: '/', login: 'none' },
  { id: 'login-expired', title: 'Login: the token expired', path: '/', login: 'expired' },
  { id: 'login-code', title: 'Login: the link was used', path: '/', login: 'code' },
  { id: 'login-role', title: 'Login: the wrong role', path: '/', login: 'wrong-role' },
  { id: 'not-found', title: 'No such page', path: '/nowhere' },
]

export const scriptOf = (state: GalleryState): ServerScript => ({
  ...{ records, role: 'admin', mood: 'well' },
  ...state.server,
})
