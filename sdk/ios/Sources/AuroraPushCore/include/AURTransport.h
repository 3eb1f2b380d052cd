// How requests reach Aurora.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// One HTTP request. Immutable once it is handed to a transport.
@interface AURRequest : NSObject
@property (nonatomic, copy) NSString *method;                                 ///< such as @"POST"
@property (nonatomic, copy) NSURL *URL;
@property (nonatomic, copy) NSDictionary<NSString *, NSString *> *headers;
@property (nonatomic, copy, nullable) NSData *body;
@property (nonatomic) NSTimeInterval timeout;                                 ///< for the whole exchange, in seconds
@end

/// What a server answered: any status, with the body as it came.
@interface AURResponse : NSObject
@property (nonatomic) NSInteger status;
@property (nonatomic, copy) NSDictionary<NSString *, NSString *> *headers;    ///< names in lower case
@property (nonatomic, copy) NSData *body;
@end

/// Called once, on any thread. Exactly one argument is nil.
typedef void (^AURTransportCompletion)(AURResponse *_Nullable response, NSError *_Nullable error);

/// Something that can be given up. After cancel the completion may still come, once.
@protocol AURCancellable <NSObject>
- (void)cancel;
@end

/// Carries requests. An implementation follows no redirects (the secret of the installation goes to the configured server
/// only), keeps no cookies and no cache, hands over no body above 256 KiB, and may be called from any thread.
@protocol AURTransport <NSObject>
- (id<AURCancellable>)send:(AURRequest *)request completion:(AURTransportCompletion)completion;
@end

NS_ASSUME_NONNULL_END
