/* Reading the messages of attnspec: just enough JSON to find a member of an object and the numbers of an array. */

#ifndef JSON_H
#define JSON_H

#include <stdlib.h>
#include <string.h>

/* Behind a value that begins at `at`. */
static const char *json_behind(const char *at) {
    int depth = 0;
    do {
        if (*at == '"') {
            for (at++; *at && *at != '"'; at++)
                if (*at == '\\' && at[1]) at++;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        } else if (depth == 0) {
            while (*at && !strchr(",}] \n", *at)) at++;
            return at;
        }
        if (*at) at++;
    } while (*at && depth > 0);
    return at;
}

/* The value of a member of the object that begins at `object`; NULL where there is none. */
static const char *json_member(const char *object, const char *name) {
    const char *at = object ? strchr(object, '{') : NULL;
    if (!at) return NULL;
    for (at++; *at && *at != '}';) {
        while (*at == ' ' || *at == ',') at++;
        if (*at != '"') return NULL;
        const char *key = at + 1, *end = json_behind(at);
        for (at = end; *at == ' ' || *at == ':';) at++;
        if ((size_t)(end - 1 - key) == strlen(name) && !strncmp(key, name, strlen(name))) return at;
        at = json_behind(at);
        while (*at == ' ') at++;
    }
    return NULL;
}

/* The numbers of the array that begins at `array`, at most `most`; how many there are. */
static int json_numbers(const char *array, long *numbers, int most) {
    int count = 0;
    const char *at = array + 1;
    while (*at && *at != ']' && count < most) {
        char *end;
        numbers[count++] = strtol(at, &end, 10);
        at = end;
        while (*at == ',' || *at == ' ') at++;
    }
    return count;
}

/* Whether a value is text, and this one. */
static int json_is(const char *value, const char *text) {
    return value && *value == '"' && !strncmp(value + 1, text, strlen(text)) && value[1 + strlen(text)] == '"';
}

#endif
