#!/usr/bin/env python3
"""Writes data/toy.txt, the text that small models are trained on where none is given: python3 scripts/toy_text.py > data/toy.txt

A small world told in short sentences: animals, countries, people, colours, numbers, days. Words of one kind occur in the same
places, which is what puts their vectors side by side. The same output every time.
"""

import random
import sys

ANIMALS = {
    # animal: (plural, size, nature, food, place, sound)
    "cat": ("cats", "small", "wary", "fish", "in the house", "purrs"),
    "dog": ("dogs", "big", "friendly", "meat", "in the garden", "barks"),
    "horse": ("horses", "big", "gentle", "hay", "in the field", "neighs"),
    "cow": ("cows", "big", "calm", "grass", "in the field", "moos"),
    "sheep": ("sheep", "big", "gentle", "grass", "on the hill", "bleats"),
    "goat": ("goats", "small", "curious", "leaves", "on the hill", "bleats"),
    "pig": ("pigs", "big", "curious", "roots", "in the yard", "grunts"),
    "hen": ("hens", "small", "busy", "corn", "in the yard", "clucks"),
    "duck": ("ducks", "small", "busy", "bread", "in the pond", "quacks"),
    "frog": ("frogs", "tiny", "shy", "flies", "in the pond", "croaks"),
    "mouse": ("mice", "tiny", "shy", "cheese", "in the house", "squeaks"),
    "owl": ("owls", "small", "calm", "mice", "in the forest", "hoots"),
    "wolf": ("wolves", "big", "wary", "meat", "in the forest", "howls"),
    "bear": ("bears", "huge", "strong", "honey", "in the forest", "growls"),
    "lion": ("lions", "huge", "strong", "meat", "on the plain", "roars"),
    "elephant": ("elephants", "huge", "gentle", "leaves", "on the plain", "trumpets"),
    "bee": ("bees", "tiny", "busy", "nectar", "in the garden", "hums"),
    "ladybug": ("ladybugs", "tiny", "friendly", "lice", "in the garden", "is silent"),
}
COUNTRIES = {
    # country: (capital, language, people)
    "Germany": ("Berlin", "German", "Germans"),
    "France": ("Paris", "French", "Frenchmen"),
    "Italy": ("Rome", "Italian", "Italians"),
    "Spain": ("Madrid", "Spanish", "Spaniards"),
    "Poland": ("Warsaw", "Polish", "Poles"),
    "Greece": ("Athens", "Greek", "Greeks"),
    "Japan": ("Tokyo", "Japanese", "Japanese"),
    "China": ("Beijing", "Chinese", "Chinese"),
    "Egypt": ("Cairo", "Arabic", "Egyptians"),
    "Russia": ("Moscow", "Russian", "Russians"),
    "Norway": ("Oslo", "Norwegian", "Norwegians"),
    "Sweden": ("Stockholm", "Swedish", "Swedes"),
}
WOMEN = ["Anna", "Mary", "Clara", "Nina", "Ruth"]
MEN = ["John", "Peter", "Paul", "Tom", "Max"]
KIN = [("mother", "father"), ("sister", "brother"), ("daughter", "son"), ("aunt", "uncle"), ("queen", "king")]
COLOURS = {"grass": "green", "snow": "white", "coal": "black", "blood": "red", "the sky": "blue", "the sun": "yellow"}
THINGS = ["ball", "book", "cup", "hat", "boat", "lamp", "coat", "chair"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SEASONS = {
    "spring": ("mild", "flowers"),
    "summer": ("hot", "berries"),
    "autumn": ("windy", "apples"),
    "winter": ("cold", "snow"),
}
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
FRUIT = ["apple", "pear", "plum", "cherry", "peach", "banana"]
WORK = {
    "baker": "bread",
    "tailor": "coats",
    "farmer": "corn",
    "painter": "pictures",
    "smith": "tools",
    "teacher": "lessons",
}


def animal(r):
    name, (many, size, nature, food, place, sound) = r.choice(list(ANIMALS.items()))
    return r.choice(
        [
            f"The {name} is a {size} animal and it is {nature}.",
            f"A {nature} {name} lives {place}.",
            f"The {name} eats {food}, and the {name} {sound}.",
            f"{place.capitalize()} there are {r.choice(NUMBERS[1:])} {many}.",
            f"Most {many} are {nature}. They like {food}.",
            f"{r.choice(WOMEN + MEN)} has a {name}. It sleeps {place} and it eats {food}.",
            f"What does the {name} eat? The {name} eats {food}.",
            f"Where does the {name} live? The {name} lives {place}.",
        ]
    )


def two_animals(r):
    (a, x), (b, y) = r.sample(list(ANIMALS.items()), 2)
    order = ["tiny", "small", "big", "huge"]
    if x[1] == y[1]:
        return f"The {a} and the {b} are both {x[1]} animals."
    if order.index(x[1]) < order.index(y[1]):
        a, b = b, a
    return r.choice(
        [f"The {a} is bigger than the {b}.", f"The {b} is smaller than the {a}.", f"The {b} is wary of the {a}."]
    )


def country(r):
    name, (capital, language, people) = r.choice(list(COUNTRIES.items()))
    return r.choice(
        [
            f"The capital of {name} is {capital}.",
            f"{capital} is the capital of {name}.",
            f"In {name} people speak {language}.",
            f"The {people} live in {name}, and many of them live in {capital}.",
            f"{r.choice(WOMEN + MEN)} comes from {name} and speaks {language}.",
            f"What is the capital of {name}? It is {capital}.",
            f"{r.choice(WOMEN + MEN)} went by train from {capital} to {r.choice([c for c, *_ in COUNTRIES.values() if c != capital])}.",
        ]
    )


def people(r):
    woman, man = r.choice(WOMEN), r.choice(MEN)
    she, he = r.choice(KIN)
    thing = r.choice(THINGS)
    return r.choice(
        [
            f"{woman} is a woman and {man} is a man.",
            f"{woman} is the {she} of {man}. {man} is the {he} of {r.choice([w for w in WOMEN if w != woman])}.",
            f"When {woman} and {man} went to the market, {man} gave a {thing} to {woman}.",
            f"When {man} and {woman} went to the market, {woman} gave a {thing} to {man}.",
            f"The {she} is a woman and the {he} is a man.",
            f"{woman} lost her {thing}. {man} found it and gave it back to her.",
            f"{man} lost his {thing}. {woman} found it and gave it back to him.",
        ]
    )


def counting(r):
    i = r.randrange(len(NUMBERS) - 1)
    j = r.randrange(len(NUMBERS) - i - 1) if i < 8 else 0
    return r.choice(
        [
            f"After {NUMBERS[i]} comes {NUMBERS[i + 1]}.",
            f"{NUMBERS[i].capitalize()} and {NUMBERS[j]} make {NUMBERS[i + j + 1]}.",
            f"{r.choice(WOMEN + MEN)} has {NUMBERS[i]} {r.choice(THINGS)}s and buys one more. Now there are {NUMBERS[i + 1]}.",
        ]
    )


def calendar(r):
    i = r.randrange(7)
    season, (weather, sign) = r.choice(list(SEASONS.items()))
    return r.choice(
        [
            f"After {DAYS[i]} comes {DAYS[(i + 1) % 7]}.",
            f"Today is {DAYS[i]}, so tomorrow is {DAYS[(i + 1) % 7]}.",
            f"In {season} it is {weather}, and there is much talk of {sign}.",
            f"On {DAYS[i]} {r.choice(WOMEN + MEN)} goes to the market.",
        ]
    )


def things(r):
    what, colour = r.choice(list(COLOURS.items()))
    trade, goods = r.choice(list(WORK.items()))
    fruit = r.choice(FRUIT)
    return r.choice(
        [
            f"{what.capitalize()} is {colour}.",
            f"The {r.choice(THINGS)} is as {colour} as {what}.",
            f"A {trade} makes {goods}. The {trade} works from {r.choice(DAYS[:3])} to {r.choice(DAYS[3:])}.",
            f"The {fruit} is a fruit, and it is sweet.",
            f"{r.choice(WOMEN + MEN)} eats a sweet {fruit} and a ripe {r.choice([f for f in FRUIT if f != fruit])}.",
        ]
    )


def main():
    r = random.Random(7)
    kinds = [animal, animal, animal, two_animals, country, country, country, people, people, counting, calendar, things]
    for _ in range(210):
        kind = r.choice(kinds)
        sentences, seen = [], set()
        while len(sentences) < r.randint(4, 7):
            sentence = (kind if r.random() < 0.7 else r.choice(kinds))(r)
            if sentence not in seen:
                seen.add(sentence)
                sentences.append(sentence)
        sys.stdout.write(" ".join(sentences) + "\n")


if __name__ == "__main__":
    main()
