// One conversation by the Vercel AI SDK: node vercel_ai.mjs PROVIDER BASE_URL KEY MODEL SCENE; what came of it, as JSON.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const [provider, baseURL, apiKey, name, scene] = process.argv.slice(2);
const make = {
  openai: () => createOpenAI({ baseURL, apiKey })(name),
  chat: () => createOpenAI({ baseURL, apiKey }).chat(name),
  compatible: () =>
    createOpenAICompatible({ name: 'fairlead', baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true })(name),
  anthropic: () => createAnthropic({ baseURL, apiKey })(name),
};
const ran = [];
const run = (what) => async (input) => {
  ran.push([what, input]);
  return `result of ${what}`;
};
const tools = {
  get_weather: tool({
    description: 'Weather of a city',
    inputSchema: z.object({ city: z.string(), days: z.number().optional() }),
    execute: run('get_weather'),
  }),
  get_time: tool({
    description: 'Time of a zone',
    inputSchema: z.object({ zone: z.string() }),
    execute: run('get_time'),
  }),
};
const asked = { model: make[provider](), prompt: `Hello. scene:${scene}:ok:0;`, maxRetries: 0 };
if (scene === 'loop') Object.assign(asked, { tools, stopWhen: stepCountIs(4) });
if (scene === 'structured') asked.output = Output.object({ schema: z.object({ answer: z.number(), why: z.string() }) });

async function told(result) {
  const [text, usage, steps] = [await result.text, await result.usage, await result.steps];
  const value = scene === 'structured' ? await result.output : null;
  return { text, input: usage.inputTokens, output: usage.outputTokens, n_steps: steps.length, value };
}

async function failing(work) {
  try {
    return await work();
  } catch (error) {
    return { error: error.name, status: error.statusCode ?? null, message: String(error.message) };
  }
}

const whole = await failing(async () => told(await generateText(asked)));
const n_whole = ran.length;
const streamed = await failing(async () => {
  let failure = null;
  const result = streamText({ ...asked, onError: ({ error }) => { failure = error; } });
  let said = '';
  for await (const piece of result.textStream) said += piece;
  if (failure) throw failure;
  return { ...(await told(result)), said };
});
console.log(JSON.stringify({ whole, streamed, ran: ran.slice(0, n_whole), ran_streamed: ran.slice(n_whole) }));
