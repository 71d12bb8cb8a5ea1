#!/usr/bin/env python3
"""Conversations as transformers writes them: templates of the forms that models have, with what jinja2 renders, and expressions with
their values. Needs transformers (with jinja2). Writes tests/data/reference/chat.json."""

import json
import pathlib

from transformers.utils.chat_template_utils import _compile_jinja_template

TO = pathlib.Path(__file__).resolve().parent.parent / "data/reference/chat.json"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

USER = [{"role": "user", "content": "Hello"}]
SYSTEM = [{"role": "system", "content": " Be brief.\n"}, *USER]
LONG = [*SYSTEM, {"role": "assistant", "content": "Hi!\n"}, {"role": "user", "content": "Größe 'of' \"cats\"?  "}]
THOUGHT = [
    *USER,
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes."},
    {"role": "user", "content": "Why?"},
]
WRONG = [{"role": "assistant", "content": "first"}]
CONVERSATIONS = [USER, SYSTEM, LONG, THOUGHT, WRONG]

TEMPLATES = {
    "chatml": """{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "default system": """{% for message in messages %}
{% if loop.first and messages[0]['role'] != 'system' %}
{{ '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}
{%- endif %}
    {{- '<|im_start|>' ~ message.role ~ '\\n' }}{{ message.content | trim }}{{ '<|im_end|>\\n' -}}
{% endfor %}
{%- if add_generation_prompt -%}
    <|im_start|>assistant
{% endif %}
""",
    "inst": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] | trim + "\\n\\n" %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- bos_token }}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception("After the optional system message, roles must alternate") }}
    {%- endif %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and loop.length is defined %}
            {{- "[INST] " + system_message + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles") }}
    {%- endif %}
{%- endfor %}
""",
    "headers": """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}""",
    "turns": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}{{ item['text'] | trim }}{%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
""",
    "thoughts": """{%- if tools %}
    {{- '<|im_start|>system\\n' }}{%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning_content)) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}{{- tool_call.name }}{%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    "macros": """{%- macro header(role, end='') -%}
<|{{ role }}|>{{ '' if not end else end }}
{%- endmacro %}
{%- macro one(message) %}{{ header(message.role, end=':') }}{% for line in message.content.split('\\n') if line %}
 {{ loop.index }}/{{ loop.length }} {{ line }}
{% else %}
 nothing
{% endfor %}{% endmacro %}
{% for message in messages %}{% if message.role == 'assistant' %}{% generation %}{{ one(message) }}{% endgeneration %}{% continue %}{% endif %}
{{ one(message) }}{% if loop.index > 3 %}{% break %}{% endif %}{% endfor %}
{# a comment #}
{% set text %}{% for m in messages %}{{ m.role[0] }}{% if not loop.last %},{% endif %}{% endfor %}{% endset %}
  {{ text }} {{ messages | map(attribute='role') | list | join('+') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }}
""",
    "scopes": """{% set x = 'outer' %}{% generation %}{% set x = 'inner' %}{{ x }}{% endgeneration %} {{ x }}
{% set y %}{% set x = 'set' %}{{ x }}{% endset %}{{ y }} {{ x }}
{% filter upper %}{% set x = 'filter' %}{{ x }} {{ messages | length }}{% endfilter %} {{ x }}
{% filter replace('o', '0') %}{% for m in messages %}{% set x = m.role %}{{ loop.depth }}{{ x }}{% endfor %}{% endfilter %} {{ x }}
{% if true %}{% set x = 'if' %}{% endif %}{{ x }}
{% macro pair(a, b='-', c='') %}{{ a }}{{ b }}{{ c }}{% endmacro %}
{% set macros = [pair] %}{% set args = ['1', '2'] %}{{ macros[0](*args) }} {{ pair('0', *args) }} {{ pair('0', **{'c': '3'}) }} {{ pair(*args, c='4') }}
{{ nothing | upper }}{{ nothing | selectattr('type', 'equalto', 'x') | list | length }}{{ tools | map(attribute='x') | list }}{{ tools | reject | list | length }}
""",
    "formats": """{% set mark = '<|{}|>' %}{% for message in messages %}{{ mark.format(message.role) }}{{ '{0}{1}{0} {{x}} {who}'.format('"', message.content | trim, who=loop.index) }}
{% endfor %}{% for k, v in {'b': 1, 'A': 3, 'c': 2} | dictsort %}{{ k }}={{ v }};{% endfor %}
{% for k, v in {512: 'x', 0: 'y', 64: 'z'} | dictsort(reverse=true) %}{{ k }}={{ v }};{% endfor %}
{{ messages | sort(attribute='role') | map(attribute='role') | join(',') }}{% if add_generation_prompt %}{{ mark.format('assistant') }}{% endif %}""",
    "kept": "a\n  {%+ if true %}\n b {%- endif +%}\n c{{ 'x' -}}  \n d\r\n{#- gone -#}  e\n\n",
}

EXPRESSIONS = """1 + 2 * 3 - 4
7 // 2 ~ -7 // 2 ~ 7 % 3 ~ -7 % 3
7 / 2
'a' ~ 1 ~ none ~ true ~ 1.5 ~ 2.0
1 < 2 <= 2 == 2 != 3
not 1 == 2 and 'x' or 'y'
'b' in 'abc', 'b' not in ['a'], 1 in {1: 2}
[1, 'two', [3.0, none], (4,), {'five': true}]
{'a': 1, 'b': [2]} | tojson
{'a': 1, 'b': [2, {}], 'c': []} | tojson(indent=2)
'it"s\\n' | tojson
'Größe'[1] ~ 'Größe'[-2:] ~ 'Größe'[::-1] ~ 'Größe' | length
[1, 2, 3, 4, 5][1:4:2], [1, 2, 3][::-1], [1, 2, 3][-2:], [1][5:], 'abc'[10]
' a b  c '.split(), 'a,b,,c'.split(','), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1), ' a b c'.split(none, 1)
'  x '.strip() ~ '|' ~ '--x--'.strip('-') ~ '|' ~ 'x  '.rstrip() ~ '|' ~ 'xyz'.lstrip('yx')
'abc'.startswith(('x', 'a')), 'abc'.endswith('bc'), 'abc'.find('c'), 'abc'.find('x'), 'aXbX'.replace('X', 'YY', 1)
'hello wORLD'.title() ~ 'hello wORLD'.capitalize() ~ ('ab' | upper) ~ ('AB' | lower)
nothing | default('d'), '' | default('d'), '' | default('d', true), nothing is defined, nothing is undefined
none is none, 1 is number, 'a' is string, {} is mapping, [] is iterable, [] is sequence, 3 is odd, 4 is divisibleby 2
1 is eq 1, 1 is not ne 1, true is boolean, true is true, 1.0 is float, 1 is integer, 'a' is in ['a']
'yes' if [] else 'no', 'x' if true
[1, 2, 3] | first, [1, 2, 3] | last, 'abc' | list, [3, 1] | reverse | list, 'abc' | reverse
[{'a': {'b': 1}}, {'a': {'b': 2}}] | map(attribute='a.b') | list, ['a', 'b'] | map('upper') | join('-')
[0, 1, 2] | select | list, [0, 1, 2] | reject('odd') | list, [{'x': 1}, {}] | selectattr('x') | list, [{'x': 1}, {}] | rejectattr('x', 'defined') | list
{'b': 1, 'a': 2}.items() | list, {'b': 1}.keys() | list, {'b': 1}.get('x', 3), {'b': 1}['b'], {'b': 1}.x is defined
'a\\nb\\n\\nc' | indent(2), 'a\\nb' | indent(2, true), 'a\\nb' | indent(width=1, first=true)
'-' * 5, [0] * 3, [1] + [2], (1, 2) + (3,)
'12' | int + 1, 'x' | int, 3.9 | int, -3 | abs, '  y ' | trim
range(3) | list, range(1, 10, 4) | list, range(3, 0, -1) | list, dict(a=1, b=2)
[3, 1, 2] | sort, ['b', 'A', 'a'] | sort, ['b', 'A', 'a'] | sort(case_sensitive=true), ['b', 'a'] | sort(reverse=true)
{'b': 1, 'A': 0} | dictsort, {'b': 1, 'A': 0} | dictsort(true), {'b': 0, 'A': 1} | dictsort(by='value'), 'hello wORLD' | title
'{}-{}'.format(1, 'x') ~ '{1}{0}'.format('a', none) ~ '{{}}'.format() ~ '{a}'.format(a=1.5)
nothing | lower ~ nothing | title ~ nothing | replace('a', 'b') ~ nothing | list ~ nothing | first ~ nothing | items | list
none | select | list ~ none | map('upper') | list ~ 0 | selectattr('x') | list
-2 | abs, (1 if false else 2) * 2, 'a' 'b', 1_000, 1e3, "\\u00e9\\x41\\t|"
'x' ~ ('a', 'b') ~ "it's" ~ ['it\\'s', "a\\"b"]""".split("\n")


def rendered(source, **names):
    try:
        return _compile_jinja_template(source).render(**names)
    except Exception:  # noqa: BLE001  whatever the template refuses
        return None


def main():
    cases = []
    for name, source in TEMPLATES.items():
        for messages in CONVERSATIONS:
            for answer in (True, False):
                text = rendered(
                    source, messages=messages, tools=None, documents=None, add_generation_prompt=answer, **TOKENS
                )
                pairs = [[m["role"], m["content"]] for m in messages]
                cases.append({"template": name, "messages": pairs, "answer": answer, "text": text})
    values = {one: rendered("{{ " + one + " }}") for one in EXPRESSIONS}
    assert all(value is not None for value in values.values()), [k for k, v in values.items() if v is None]
    data = {"tokens": TOKENS, "templates": TEMPLATES, "cases": cases, "values": values}
    TO.write_text(json.dumps(data, ensure_ascii=False, indent=0) + "\n")
    print(f"{len(cases)} conversations, {len(values)} expressions, {TO.stat().st_size} bytes")


main()
