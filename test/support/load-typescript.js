// Given to every test process by .taprc: TypeScript is compiled once a content, not once a process.
import { register } from 'node:module';

register('./typescript-hooks.js', import.meta.url);
