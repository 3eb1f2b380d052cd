// A small test harness: TEST(name) { … } registers a function, the macros count and report, one process runs all.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

void AURTestRegister(const char *name, const char *file, void (*function)(void));
/// Runs the tests whose name contains filter; returns the number of failed checks.
int AURTestRun(const char *_Nullable filter);
void AURTestFail(const char *file, int line, NSString *message);
void AURTestCount(void);

#define TEST(name)                                                                                          \
    static void name(void);                                                                                 \
    __attribute__((constructor)) static void register_##name(void) { AURTestRegister(#name, __FILE__, name); } \
    static void name(void)

#define CHECK(condition, ...)                                                                        \
    do {                                                                                             \
        AURTestCount();                                                                              \
        if (!(condition)) AURTestFail(__FILE__, __LINE__, [@#condition " " stringByAppendingFormat:@"" __VA_ARGS__]); \
    } while (0)

#define EQUAL(got, want)                                                                                               \
    do {                                                                                                               \
        AURTestCount();                                                                                                \
        id got_ = (got), want_ = (want);                                                                               \
        if (got_ != want_ && ![got_ isEqual:want_])                                                                    \
            AURTestFail(__FILE__, __LINE__, [NSString stringWithFormat:@"%s is %@, want %@", #got, got_, want_]);      \
    } while (0)

/// The content of a file below the folder of the shared vectors.
NSData *AURVectorData(NSString *name);
/// A vector file, read as JSON.
id AURVectors(NSString *name);
/// JSON as iOS reads it: whole numbers keep every digit. GNUstep's reader makes doubles of them.
id _Nullable AURExactJSON(NSString *text);
/// A new empty folder that is removed at the end of the process.
NSURL *AURTemporaryFolder(void);

NS_ASSUME_NONNULL_END
