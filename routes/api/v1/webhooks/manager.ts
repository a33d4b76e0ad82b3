import type { FastifyRequest } from 'fastify'
import type { Manager } from '../../../../src/webhooks/webhook-service.ts'
import { callerOf } from '../../../caller.ts'

export const managerOf = (request: FastifyRequest): Manager => ({
  principal: request.principal,
  actor: callerOf(request).actor,
})
