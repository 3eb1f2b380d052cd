// Apple's NSURLSession as far as the SDK uses it. GNUstep has a header of that name that declares less, so it is kept out.
#define __NSURLSession_h_GNUSTEP_BASE_INCLUDE
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

@class NSURLSession, NSURLSessionTask;

@interface NSURLSessionConfiguration : NSObject <NSCopying>
@property (class, readonly, strong) NSURLSessionConfiguration *ephemeralSessionConfiguration;
@property BOOL HTTPShouldSetCookies;
@property NSHTTPCookieAcceptPolicy HTTPCookieAcceptPolicy;
@property (nullable, retain) NSURLCache *URLCache;
@property (nullable, retain) NSURLCredentialStorage *URLCredentialStorage;
@end

@interface NSURLSessionTask : NSObject <NSCopying>
- (void)cancel;
- (void)resume;
@end
@interface NSURLSessionDataTask : NSURLSessionTask
@end

@protocol NSURLSessionDelegate <NSObject>
@end
@protocol NSURLSessionTaskDelegate <NSURLSessionDelegate>
@optional
- (void)URLSession:(NSURLSession *)session
                          task:(NSURLSessionTask *)task
    willPerformHTTPRedirection:(NSHTTPURLResponse *)response
                    newRequest:(NSURLRequest *)request
             completionHandler:(void (^)(NSURLRequest *_Nullable))completionHandler;
@end

@interface NSURLSession : NSObject
+ (NSURLSession *)sessionWithConfiguration:(NSURLSessionConfiguration *)configuration delegate:(nullable id<NSURLSessionDelegate>)delegate delegateQueue:(nullable NSOperationQueue *)queue;
- (NSURLSessionDataTask *)dataTaskWithRequest:(NSURLRequest *)request
                            completionHandler:(void (^)(NSData *_Nullable data, NSURLResponse *_Nullable response, NSError *_Nullable error))completionHandler;
- (void)finishTasksAndInvalidate;
@end

NS_ASSUME_NONNULL_END
