import { mediaHook } from '../../ui/media-hook.ts'

/** Whether the details have a column of their own; else they are a tab. */
export const useWide = mediaHook('(width >= 900px)')
