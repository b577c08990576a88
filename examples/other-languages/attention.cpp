// Attention in C++ for attnspec, as a flash kernel computes it: one pass over the keys in tiles, with a running maximum.
// Arrays lie in the file that is open as descriptor 3.
//
//     c++ -O2 -std=c++17 -o attention_cpp attention.cpp
//     attnspec run process:./attention_cpp

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include <unistd.h>

#include "json.h"

namespace {

constexpr int SHARED = 3;
constexpr long TILE = 16;

// An array of four axes in memory of its own: batch, heads, positions, features.
struct Array {
    std::vector<float> numbers;
    long shape[4] = {}, strides[4] = {};

    explicit Array(const char *place) {
        json_numbers(json_member(place, "shape"), shape, 4);
        json_numbers(json_member(place, "strides"), strides, 4);
        long last = 0;
        for (int axis = 0; axis < 4; axis++) last += (shape[axis] - 1) * strides[axis];
        if (std::find(shape, shape + 4, 0) != shape + 4 || !json_is(json_member(place, "dtype"), "float32")) return;
        numbers.resize(last + 1);
        long start = std::strtol(json_member(place, "start"), nullptr, 10);
        if (pread(SHARED, numbers.data(), numbers.size() * sizeof(float), start) < 0) std::exit(1);
    }

    const float *row(long b, long h, long s) const { return &numbers[b * strides[0] + h * strides[1] + s * strides[2]]; }
};

// Why arrays do not fit together; empty where they do.
std::string misfit(const char *given, const Array &q, const Array &k, const Array &v) {
    for (const char *name : {"q", "k", "v"})
        if (!json_is(json_member(json_member(given, name), "dtype"), "float32")) return "all arrays must be float32";
    if (q.shape[0] != k.shape[0] || k.shape[0] != v.shape[0]) return "batches differ";
    if (k.shape[1] != v.shape[1] || (k.shape[1] ? q.shape[1] % k.shape[1] : q.shape[1])) return "heads do not fit together";
    if (k.shape[2] != v.shape[2]) return "keys and values differ in number";
    return q.shape[3] == k.shape[3] ? "" : "queries and keys differ in features";
}

std::vector<float> attend(const Array &q, const Array &k, const Array &v, double scale) {
    const long B = q.shape[0], H = q.shape[1], Sq = q.shape[2], D = q.shape[3], Sk = k.shape[2], Dv = v.shape[3];
    const long shared_by = H / std::max(k.shape[1], 1L);
    std::vector<float> out;
    std::vector<double> scores(TILE), sums(Dv);
    for (long b = 0; b < B; b++)
        for (long h = 0; h < H; h++)
            for (long i = 0; i < Sq; i++) {
#ifdef INTERLEAVED
                const long head = h % k.shape[1];
#else
                const long head = h / shared_by;
#endif
                double most = -std::numeric_limits<double>::infinity(), mass = 0;
                std::fill(sums.begin(), sums.end(), 0.0);
                for (long tile = 0; tile < Sk; tile += TILE) {
                    const long end = std::min(tile + TILE, Sk);
                    double highest = most;
                    for (long j = tile; j < end; j++) {
                        double score = 0;
                        for (long d = 0; d < D; d++)
                            score += double(q.row(b, h, i)[d * q.strides[3]]) * k.row(b, head, j)[d * k.strides[3]];
                        scores[j - tile] = score * scale;
                        highest = std::isnan(score) ? score : std::max(highest, score * scale);
                    }
                    const double kept = mass > 0 ? std::exp(most - highest) : 0;
                    mass *= kept;
                    for (double &sum : sums) sum *= kept;
                    for (long j = tile; j < end; j++) {
                        const double weight = std::exp(scores[j - tile] - highest);
                        mass += weight;
                        for (long d = 0; d < Dv; d++) sums[d] += weight * v.row(b, head, j)[d * v.strides[3]];
                    }
                    most = highest;
                }
                for (double sum : sums) out.push_back(Sk ? float(sum / mass) : 0.0f);
            }
    return out;
}

void run(const char *message) {
    const char *given = json_member(message, "arguments");
    const char *scale = json_member(json_member(message, "options"), "scale");
    const Array q(json_member(given, "q")), k(json_member(given, "k")), v(json_member(given, "v"));
    if (const std::string why = misfit(given, q, k, v); !why.empty()) {
        std::cout << R"({"type": "raised", "message": ")" << why << "\"}" << std::endl;
        return;
    }
    const double factor = scale && *scale != 'n' ? std::strtod(scale, nullptr) : 1 / std::sqrt(double(q.shape[3]));
    const auto out = attend(q, k, v, factor);
    const long start = std::strtol(json_member(message, "size"), nullptr, 10);
    if (pwrite(SHARED, out.data(), out.size() * sizeof(float), start) < 0) std::exit(1);
    std::cout << R"({"type": "returned", "results": [{"dtype": "float32", "shape": [)" << q.shape[0] << ", " << q.shape[1] << ", "
              << q.shape[2] << ", " << v.shape[3] << R"(], "start": )" << start << "}]}" << std::endl;
}

}  // namespace

int main() {
    for (std::string message; std::getline(std::cin, message);) {
        const char *type = json_member(message.c_str(), "type");
        if (json_is(type, "start"))
            std::cout << R"({"type": "started", "protocol": 1})" << std::endl;
        else if (json_is(type, "describe"))
            std::cout << R"({"type": "described", "operation": "attention", "name": "cpp/flash", "options": ["scale"],)"
                      << R"( "conventions": {"empty_rows": "zeros"}})" << std::endl;
        else if (json_is(type, "run"))
            run(message.c_str());
        else if (json_is(type, "stop"))
            return 0;
        else
            std::cout << R"({"type": "raised", "message": "an unknown message"})" << std::endl;
    }
}
