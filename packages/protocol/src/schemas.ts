// Every schema and its type. These modules build the schemas with TypeBox, which is loaded only when the package is
// built. Users of the package get the same values from `dist/generated/schemas.js` (`#schemas`).

export * from './ag-ui.ts'
export * from './claims.ts'
export * from './common.ts'
export * from './errors.ts'
export * from './events.ts'
export * from './frames/agent.ts'
export * from './frames/client.ts'
export * from './records.ts'
export * from './rest.ts'
export * from './webhooks.ts'
