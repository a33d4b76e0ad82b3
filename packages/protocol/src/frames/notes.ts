import type { AgentFrameType, AgentServerFrameType } from './agent.ts'
import type { ClientFrameType, ServerFrameType } from './client.ts'

/** The meaning of a frame in one sentence, for documents generated from the schemas. */
export interface FrameNote<Answer extends string = string> {
  says: string
  /** The type of the responding frame, which carries the same `id` if there was one. */
  answer?: Answer
}

export const agentFrameNotes = {
  'agent:connect': {
    says: 'The first frame of a connection: who the agent is, what it can do, and which commands it has.',
    answer: 'connection:established',
  },
  heartbeat: { says: 'The agent is alive, and so are the commands that it names.', answer: 'heartbeat' },
  'agent:status': { says: 'What the agent is doing; valid until the set of its running commands changes.' },
  'agent:metrics': { says: 'Metrics that the agent chose to report; the latest are shown.' },
  'agent:error': { says: 'Something went wrong in the agent that does not concern a single command.' },
  'agent:exit': { says: 'The agent’s last frame before it closes the socket.' },
  'command:ack': { says: 'The agent accepted the command and is running it.' },
  'command:reject': { says: 'The agent refuses the command: `busy` leaves it in the queue, any other reason ends it.' },
  'command:progress': { says: 'The progress of a running command; omitted fields are unchanged.' },
  'command:result': { says: 'The command ended.' },
  'session:start': { says: 'A conversation begins.' },
  'session:activity': { says: 'Something about a conversation changed.' },
  'session:typing': { says: 'The agent started or stopped writing; expires after 6 s.' },
  'session:end': { says: 'A conversation ended.' },
  'message:start': { says: 'A message begins; `role` defaults to `assistant`.' },
  'message:delta': { says: 'The next piece of a message.' },
  'message:end': { says: 'A message is complete: its `text`, or the joined pieces if `text` is absent.' },
  'tool:start': { says: 'A tool is called.' },
  'tool:args': { says: 'The next piece of a tool call’s arguments.' },
  'tool:end': { says: 'A tool call ended.' },
  'state:snapshot': { says: 'The whole state of a session.' },
  'state:patch': { says: 'A change to a session’s state (JSON Patch); refused as a whole if it does not apply.' },
  'task:create': { says: 'Creates a task.' },
  'task:start': { says: 'Starts a task; creates it if it does not exist.' },
  'task:update': { says: 'Changes fields of a task.' },
  'task:progress': { says: 'Reports the progress of a task, which starts a pending one.' },
  'task:pause': { says: 'Pauses a task.' },
  'task:complete': { says: 'Completes a task.' },
  'task:fail': { says: 'Marks a task as failed.' },
  'task:cancel': { says: 'Cancels a task.' },
  'interaction:request': { says: 'A question that a person has to answer, with its options.' },
  'interaction:resolved': { says: 'It was answered at the agent’s own terminal, so nobody else needs to answer.' },
  'interaction:applied': { says: 'The answer took effect; it is not sent again.' },
  'terminal:output': { says: 'Bytes printed by a terminal; live only.' },
  'terminal:resize': { says: 'A terminal was resized.' },
  'terminal:exit': { says: 'The program in a terminal ended.' },
  'terminal:ack': { says: 'The program has consumed its piped input up to this offset.' },
  'usage:report': { says: 'The tokens and cost of a request; counted once per `source` and `requestId`.' },
} satisfies Record<AgentFrameType, FrameNote<AgentServerFrameType>>

export const agentServerFrameNotes = {
  'connection:established': {
    says: 'The `agent:connect` was stored: up to where the server has received reports, and what to do with each command.',
  },
  'command:dispatch': { says: 'Run this command; answer with `command:ack` or `command:reject`.' },
  'command:interrupt': { says: 'Stop this command; with `force`, by any means.' },
  'interaction:answer': { says: 'A person’s answer; sent again until `interaction:applied`.' },
  'terminal:input': { says: 'Type this; ignore an `inputSeq` that was typed before.' },
  'terminal:resize': { says: 'Resize the terminal to this size.' },
  'terminal:ack': { says: 'The reader of all output has received it up to this offset: the program may continue.' },
  'terminal:resend': { says: 'Bytes are missing: resend what you have from this offset on.' },
  'report:ack': { says: 'Everything up to `n` is on disk.' },
  heartbeat: { says: 'The server is alive; the commands in `cancel` must still be stopped.' },
  error: { says: 'The frame with this `id`, or with `details.n`, was refused and changed nothing.' },
  'connection:closing': { says: 'The server is about to close the socket, and why.' },
} satisfies Record<AgentServerFrameType, FrameNote>

export const clientFrameNotes = {
  'dashboard:connect': {
    says: 'Says in one frame what the client wants and, with `resume`, where it left off.',
    answer: 'connection:established',
  },
  subscribe: {
    says: 'Subscribes to the topics that match the patterns; a `snapshot` follows the reply.',
    answer: 'reply',
  },
  unsubscribe: {
    says: 'Unsubscribes from patterns: no event that only they match is sent after the reply.',
    answer: 'reply',
  },
  'command:request': {
    says: 'Submits a command; the reply, sent once it is on disk, contains it as `command`.',
    answer: 'reply',
  },
  'command:interrupt': { says: 'Asks for a command to be stopped; the reply contains `affected`.', answer: 'reply' },
  'interaction:respond': { says: 'Answers an interaction: the first answer wins.', answer: 'reply' },
  'terminal:open': {
    says: 'Watches a terminal: a `terminal:snapshot`, then bytes from its offset on.',
    answer: 'reply',
  },
  'terminal:close': { says: 'Stops watching a terminal.', answer: 'reply' },
  'terminal:input': { says: 'Types into a terminal; requires the scope `terminal:write`.', answer: 'reply' },
  'terminal:resize': { says: 'Sets the size of a terminal; requires the scope `terminal:write`.', answer: 'reply' },
  'terminal:ack': { says: 'Everything up to this offset was displayed: grants credit for more. Has no reply.' },
  'auth:refresh': { says: 'Keeps the socket open with a newer token of the same holder.', answer: 'reply' },
  heartbeat: { says: 'The client is alive.', answer: 'heartbeat' },
  ping: { says: 'Asks for a `pong`.', answer: 'pong' },
} satisfies Record<ClientFrameType, FrameNote<ServerFrameType>>

export const serverFrameNotes = {
  'connection:established': { says: 'Who the client is, its limits, and whether a resume was possible.' },
  reply: { says: 'The answer to the request with the same `id`: its fields, or the error.' },
  snapshot: { says: 'The matching records at a cursor; they replace everything known about these topics.' },
  'resume:done': { says: 'The replay is complete; live events follow.' },
  'resync:required': { says: 'Retention overtook the replay: new snapshots follow.' },
  'terminal:snapshot': { says: 'The screen of a terminal at an offset; write `screen` to an empty terminal.' },
  'terminal:output': { says: 'Bytes printed by a terminal; live only.' },
  'terminal:resize': { says: 'A terminal was resized.' },
  'terminal:ack': { says: 'The program has consumed its piped input up to this offset.' },
  'terminal:exit': { says: 'The program in a terminal ended.' },
  heartbeat: { says: 'The server is alive.' },
  pong: { says: 'The answer to `ping`.' },
  'connection:closing': { says: 'The server is about to close the socket, and why.' },
  error: { says: 'The frame with this `id` was refused and changed nothing.' },
} satisfies Record<ServerFrameType, FrameNote>
