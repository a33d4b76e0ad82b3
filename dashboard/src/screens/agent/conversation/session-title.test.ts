import t from 'tap'
import { sessionTitle } from './session-title.ts'

t.test('a session has a name in every case', async t => {
  const session = { sessionId: 'ses_1', title: '', lastMessage: '', startedAt: Date.now() }
  t.equal(sessionTitle({ ...session, title: 'Ticket 4411' }), 'Ticket 4411')
  t.equal(sessionTitle({ ...session, title: 'ses_1', lastMessage: '\n## It works.\nSee' }), 'It works.')
  t.match(sessionTitle({ ...session, title: 'ses_1' }), /^Conversation from \d\d:\d\d:\d\d$/)
  t.equal(sessionTitle({ ...session, title: 'x'.repeat(500) }).length, 80)
})
