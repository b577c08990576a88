"""What would be caught: each law on each known fault, on the very problems that an implementation meets.

A green run is worth what a wrong kernel would have made red. So known mistakes are tried as implementations
are: over all laws, as a matrix (`attnspec faults`), and on the problems of a law that passed, as its certificate.
"""
