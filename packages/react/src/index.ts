export { FleetwireProvider, type FleetwireProviderProps, useFleetwire } from './provider.tsx'
