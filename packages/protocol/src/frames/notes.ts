import type { AgentFrameType, AgentServerFrameType } from './agent.ts'
import type { ClientFrameType, ServerFrameType } from './client.ts'

/** What a frame says, in one sentence, for documents that are made from the schemas. */
export interface FrameNote<Answer extends string = string> {
  says: string
  /** The frame that answers it, with the same `id` if it had one. */
  answer?: Answer
}

export const agentFrameNotes = {
  'agent:connect': {
    says: 'The first frame of a connection: who the agent is, what it can do and what it has in hand.',
    answer: 'connection:established',
  },
  heartbeat: { says: 'The agent is alive, and so are the commands that it names.', answer: 'heartbeat' },
  'agent:status': { says: 'What the agent does; it stands until the set of its running commands changes.' },
  'agent:metrics': { says: 'Numbers of the agent’s own choice; the latest are shown.' },
  'agent:error': { says: 'Something went wrong in the agent that concerns no single command.' },
  'agent:exit': { says: 'The agent’s last words before it closes the socket.' },
  'command:ack': { says: 'The command was taken and runs.' },
  'command:reject': { says: 'The command is not taken: `busy` leaves it in the queue, anything else ends it.' },
  'command:progress': { says: 'How far a running command is; fields that are left out stay.' },
  'command:result': { says: 'The command ended.' },
  'session:start': { says: 'A conversation begins.' },
  'session:activity': { says: 'Something about a conversation changed.' },
  'session:typing': { says: 'The agent is writing, or stopped; it falls back by itself after 6 s.' },
  'session:end': { says: 'A conversation is over.' },
  'message:start': { says: 'A message begins; without `role` it is the assistant’s.' },
  'message:delta': { says: 'The next piece of a message.' },
  'message:end': { says: 'A message is whole: `text`, or the joined pieces where that is left out.' },
  'tool:start': { says: 'A tool is called.' },
  'tool:args': { says: 'The next piece of a tool call’s arguments.' },
  'tool:end': { says: 'A tool call is over.' },
  'state:snapshot': { says: 'The state of a session, whole.' },
  'state:patch': { says: 'A change of a session’s state (JSON Patch); refused as a whole where it does not apply.' },
  'task:create': { says: 'There is a task.' },
  'task:start': { says: 'A task runs; one that is not there is made.' },
  'task:update': { says: 'A task is described differently.' },
  'task:progress': { says: 'How far a task is; a pending one starts.' },
  'task:pause': { says: 'A task rests.' },
  'task:complete': { says: 'A task is done.' },
  'task:fail': { says: 'A task failed.' },
  'task:cancel': { says: 'A task was given up.' },
  'interaction:request': { says: 'Something that a person has to decide, with the options there are.' },
  'interaction:resolved': { says: 'It was decided at the agent’s own terminal: nobody needs to answer any more.' },
  'interaction:applied': { says: 'The answer took effect; it is not sent again.' },
  'terminal:output': { says: 'Bytes that a terminal printed; live only.' },
  'terminal:resize': { says: 'A terminal has another size.' },
  'terminal:exit': { says: 'The program in a terminal ended.' },
  'terminal:ack': { says: 'The program has taken its piped input up to this offset.' },
  'usage:report': { says: 'Tokens and money that a request took; counted once by `source` and `requestId`.' },
} satisfies Record<AgentFrameType, FrameNote<AgentServerFrameType>>

export const agentServerFrameNotes = {
  'connection:established': {
    says: 'The hello was stored: how far the server has got, and what to do with each command.',
  },
  'command:dispatch': { says: 'Run this; answer with `command:ack` or `command:reject`.' },
  'command:interrupt': { says: 'Stop this; with `force` by all means.' },
  'interaction:answer': { says: 'What a person decided; sent again until `interaction:applied`.' },
  'terminal:input': { says: 'Type this; an `inputSeq` that came before is not typed again.' },
  'terminal:resize': { says: 'Give the terminal this size.' },
  'terminal:ack': { says: 'The reader of all output has it up to this offset: the program may go on.' },
  'terminal:resend': { says: 'Bytes are missing: send again what is kept from this offset on.' },
  'report:ack': { says: 'Everything up to `n` is on disk.' },
  heartbeat: { says: 'The server is alive; the commands in `cancel` are still to be stopped.' },
  error: { says: 'The frame with this `id`, or with `details.n`, was refused and changed nothing.' },
  'connection:closing': { says: 'The server is about to close the socket, and why.' },
} satisfies Record<AgentServerFrameType, FrameNote>

export const clientFrameNotes = {
  'dashboard:connect': {
    says: 'Says in one frame what is wanted and, with `resume`, where the client left off.',
    answer: 'connection:established',
  },
  subscribe: { says: 'Asks for the topics that patterns stand for; a `snapshot` follows the reply.', answer: 'reply' },
  unsubscribe: { says: 'Nothing of these patterns alone comes after the reply.', answer: 'reply' },
  'command:request': { says: 'Submits a command; the reply has it as `command` once it is on disk.', answer: 'reply' },
  'command:interrupt': { says: 'Asks for a command to be stopped; the reply has `affected`.', answer: 'reply' },
  'interaction:respond': { says: 'Answers an interaction: the first answer wins.', answer: 'reply' },
  'terminal:open': {
    says: 'Watches a terminal: a `terminal:snapshot`, then bytes from its offset on.',
    answer: 'reply',
  },
  'terminal:close': { says: 'Stops watching a terminal.', answer: 'reply' },
  'terminal:input': { says: 'Types into a terminal; needs the right `terminal:write`.', answer: 'reply' },
  'terminal:resize': { says: 'Sets the size of a terminal; needs the right `terminal:write`.', answer: 'reply' },
  'terminal:ack': { says: 'Everything up to this offset was shown: credit for more. Never answered.' },
  'auth:refresh': { says: 'Keeps the socket with a newer token of the same holder.', answer: 'reply' },
  heartbeat: { says: 'The client is alive.', answer: 'heartbeat' },
  ping: { says: 'Asks for a sign of life.', answer: 'pong' },
} satisfies Record<ClientFrameType, FrameNote<ServerFrameType>>

export const serverFrameNotes = {
  'connection:established': { says: 'Who the client is to the server, its limits, and whether a resume was possible.' },
  reply: { says: 'The answer to the request of the same `id`, with fields of its own, or with the error.' },
  snapshot: { says: 'The records that match, at a cursor; it replaces what was known of its topics.' },
  'resume:done': { says: 'The replay is over: what follows happens now.' },
  'resync:required': { says: 'Retention overtook the replay: new snapshots follow.' },
  'terminal:snapshot': { says: 'The screen of a terminal at an offset; `screen` is written to an empty terminal.' },
  'terminal:output': { says: 'Bytes that a terminal printed; live only.' },
  'terminal:resize': { says: 'A terminal has another size.' },
  'terminal:ack': { says: 'The program has taken its piped input up to this offset.' },
  'terminal:exit': { says: 'The program in a terminal ended.' },
  heartbeat: { says: 'The server is alive.' },
  pong: { says: 'The answer to `ping`.' },
  'connection:closing': { says: 'The server is about to close the socket, and why.' },
  error: { says: 'The frame with this `id` was refused and changed nothing.' },
} satisfies Record<ServerFrameType, FrameNote>
