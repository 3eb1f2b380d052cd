// What Apple's headers define and GNUstep 1.28's do not.
#ifndef NS_ASSUME_NONNULL_BEGIN
#define NS_ASSUME_NONNULL_BEGIN _Pragma("clang assume_nonnull begin")
#define NS_ASSUME_NONNULL_END _Pragma("clang assume_nonnull end")
#endif
#ifndef NS_SWIFT_NAME
#define NS_SWIFT_NAME(name)
#endif
#ifndef NS_REQUIRES_SUPER
#define NS_REQUIRES_SUPER __attribute__((objc_requires_super))
#endif
#import <Foundation/Foundation.h>
#undef NS_UNAVAILABLE // empty there, so that a call would not be refused
#define NS_UNAVAILABLE __attribute__((unavailable))
typedef NSUInteger NSDataWritingOptions;
